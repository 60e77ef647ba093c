"""Every reason code that a probe can give has words for operators."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitors.certificates import EXPIRY_STEPS, REASON_BY_VERIFY_CODE, SENTENCES
from monitors.probes import KINDS
from monitors.probes.postgres import REASON_BY_SQLSTATE, WORDS_OF_CONNECTING
from monitors.reasons import REASONS, label

MONITORS = Path(__file__).resolve().parent.parent / "monitors"
SOURCES = [*sorted((MONITORS / "probes").rglob("*.py")), MONITORS / "certificates.py"]
CODE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
GIVES_A_REASON = {"Fault", "Remark", "warn", "ProbeResult"}


def reasons_given(source: str) -> Iterator[str]:
    """String literals where a reason stands: first argument of a fault, second of a result, in tables and pairs."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Call) and node.args:
            name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            place = 1 if name == "ProbeResult" else 0
            if name in GIVES_A_REASON and len(node.args) > place:
                yield from literals(node.args[place])
        elif isinstance(node, ast.Tuple) and len(node.elts) in (2, 3):
            yield from (text for text in literals(node.elts[0]) if is_said(node.elts[1]))


def literals(node: ast.expr) -> Iterator[str]:
    options = [node.body, node.orelse] if isinstance(node, ast.IfExp) else [node]
    for option in options:
        if isinstance(option, ast.Constant) and isinstance(option.value, str) and CODE.fullmatch(option.value):
            yield option.value


def is_said(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and " " in str(node.value))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(MONITORS)))
def test_every_reason_given_is_registered(path: Path) -> None:
    assert set(reasons_given(path.read_text())) <= REASONS.keys()


def test_the_scan_finds_reasons_at_all() -> None:
    found = {reason for path in SOURCES for reason in reasons_given(path.read_text())}
    assert {"timeout", "starttls_missing", "field_absent", "closed", "smtp_4xx", "refused"} <= found


def test_reasons_in_tables_are_registered() -> None:
    steps = {f"certificate_expires_{step.days}d" for step in EXPIRY_STEPS}
    assert steps | set(REASON_BY_VERIFY_CODE.values()) | SENTENCES.keys() <= REASONS.keys()
    assert {reason for _, reason in WORDS_OF_CONNECTING} | set(REASON_BY_SQLSTATE.values()) <= REASONS.keys()
    assert {f"status_{hundreds}xx" for hundreds in (3, 4, 5)} <= REASONS.keys()


def test_codes_are_codes_and_labels_are_short() -> None:
    for reason, words in REASONS.items():
        assert CODE.fullmatch(reason)
        assert len(reason) <= 80
        assert 1 < len(words) <= 32


def test_an_unknown_code_reads_as_itself() -> None:
    assert label("from_the_future") == "From the future"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_in_the_readme(kind: str) -> None:
    assert f"`{kind}`" in (MONITORS / "README.md").read_text()
