"""The README keeps up with the code: every variable, command, option and address that operators rely on is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.core.management import get_commands, load_command_class

from statuspage.environment import VARIABLES

CHECKOUT = Path(__file__).resolve().parent.parent
README = (CHECKOUT / "README.md").read_text()
FLOORS = ("statuspage", "incidents", "monitors")
OWN_COMMANDS = {name: app for name, app in get_commands().items() if app in FLOORS}
DJANGOS_OPTIONS = {
    option
    for action in load_command_class("django.core", "flush").create_parser("", "")._actions
    for option in action.option_strings
} - {"--database", "--no-input", "--noinput"}


@pytest.mark.parametrize("name", sorted(row.name for row in VARIABLES.values()))
def test_every_variable_has_its_row_with_default_and_meaning(name: str) -> None:
    row = next(row for row in VARIABLES.values() if row.name == name)
    assert f"| `{name}` | {f'`{row.default}`' if row.default else '-'} | {row.meaning} |" in README


def test_no_variable_is_described_that_does_not_exist() -> None:
    described = set(re.findall(r"`(STANDPIPE_[A-Z_]+[A-Z])`", README))
    assert described <= {row.name for row in VARIABLES.values()}


@pytest.mark.parametrize("name", sorted(OWN_COMMANDS))
def test_every_command_has_its_row(name: str) -> None:
    assert re.search(rf"^\| `{name}[ `]", README, re.MULTILINE)


def test_no_command_is_described_that_does_not_exist() -> None:
    commands = README.partition("\n## Commands\n")[2].partition("\n## ")[0]
    described = set(re.findall(r"^\| `([a-z]+)", commands, re.MULTILINE))
    assert described <= set(OWN_COMMANDS)


@pytest.mark.parametrize("name", ["up", "serve", "probe", "respond", "apply", "init"])
def test_every_option_of_a_short_command_is_in_its_row(name: str) -> None:
    (row,) = re.findall(rf"^\| `{name}.*$", README, re.MULTILINE)
    parser = load_command_class(OWN_COMMANDS[name], name).create_parser("manage.py", name)
    own = {option for action in parser._actions for option in action.option_strings} - DJANGOS_OPTIONS
    assert [option for option in sorted(own) if option not in row] == []


@pytest.mark.parametrize("target", re.findall(r"^([a-z]+):", (CHECKOUT / "Makefile").read_text(), re.MULTILINE))
def test_every_make_target_for_people_is_described(target: str) -> None:
    assert f"make {target}" in README or target in {"peers", "lint"}
