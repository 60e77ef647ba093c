"""The three floors stay apart: imports go down only."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
HIGHER_FLOORS = {"monitors": {"incidents", "statuspage"}, "incidents": {"statuspage"}}
SOURCES = [path for floor in HIGHER_FLOORS for path in sorted((ROOT / floor).rglob("*.py"))]


def imported_packages(source: str) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module.partition(".")[0])
    return found


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_lower_floor_imports_no_higher_one(path: Path) -> None:
    floor = path.relative_to(ROOT).parts[0]
    assert not imported_packages(path.read_text()) & HIGHER_FLOORS[floor]
