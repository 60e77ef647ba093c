"""Applying a file is one transaction: all of it, none of it, and nothing the second time."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from monitors.config.problems import ConfigInvalidError
from monitors.config.reading import read
from monitors.models import Component, Monitor, MonitorState, Watch
from monitors.services.config import apply_config

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
FIRST = """
platform: {name: Acme}
components:
  - {slug: api, name: API, tier: api, depends_on: [db]}
  - {slug: db, name: Database}
monitors:
  - {slug: api-a, component: api, kind: tcp, address: "127.0.0.1:1", every: 10s}
  - {slug: api-b, component: api, kind: tcp, address: "127.0.0.1:2", locations: [paris, oslo]}
"""


def applied(text: str) -> list[str]:
    return [str(change) for change in apply_config(read(text, "f.yaml"), "f.yaml", NOW)]


def test_a_first_file_makes_everything_and_a_second_run_nothing() -> None:
    assert applied(FIRST) == [
        "+ platform platform",
        "+ component api",
        "+ component db",
        "+ monitor api-a",
        "+ monitor api-b",
    ]
    assert applied(FIRST) == []
    assert [needed.slug for needed in Component.objects.get(slug="api").depends_on.all()] == ["db"]
    assert set(Watch.objects.values_list("monitor__slug", "location__slug")) == {
        ("api-a", "main"),
        ("api-b", "paris"),
        ("api-b", "oslo"),
    }
    assert MonitorState.objects.count() == 2


def test_a_change_is_told_field_by_field_and_keeps_the_rest() -> None:
    applied(FIRST)
    Watch.objects.filter(monitor__slug="api-a").update(window=[[1, "ok", "ok"]])

    assert applied(FIRST.replace("every: 10s", "every: 30s")) == ["~ monitor api-a (interval: 10s -> 30s)"]
    assert Watch.objects.get(monitor__slug="api-a").window == [[1, "ok", "ok"]]


def test_what_leaves_the_file_is_no_longer_watched_but_keeps_its_history_and_can_return() -> None:
    applied(FIRST)
    row = Monitor.objects.get(slug="api-b")
    without = "\n".join(line for line in FIRST.splitlines() if "api-b" not in line)

    assert applied(without) == ["- monitor api-b"]
    row.refresh_from_db()
    assert row.removed_at == NOW
    assert not row.watches.exists()

    assert applied(FIRST) == ["+ monitor api-b"]
    row.refresh_from_db()
    assert row.removed_at is None
    assert row.watches.count() == 2


def test_a_pause_from_the_console_survives_a_file_that_is_silent_about_it() -> None:
    applied(FIRST)
    Monitor.objects.filter(slug="api-a").update(is_paused=True)

    assert applied(FIRST) == []
    assert applied(FIRST.replace("every: 10s", "paused: false")) == ["~ monitor api-a (is_paused: True -> False)"]


def test_a_slug_of_the_console_is_never_taken_over() -> None:
    Monitor.objects.create(slug="api-a", name="mine", kind="tcp")

    with pytest.raises(ConfigInvalidError, match="monitor api-a: made in the console"):
        applied(FIRST)
    assert not Component.objects.exists()


def run_apply(file: Path, *arguments: str) -> tuple[int, str, str]:
    out, err = StringIO(), StringIO()
    try:
        call_command("apply", str(file), *arguments, stdout=out, stderr=err)
    except SystemExit as stop:
        return int(str(stop.code)), out.getvalue(), err.getvalue()
    return 0, out.getvalue(), err.getvalue()


def test_check_prints_the_plan_and_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "standpipe.yaml"
    file.write_text(FIRST)

    code, out, _ = run_apply(file, "--check")
    assert (code, out.splitlines()[1]) == (2, "+ component api")
    assert not Monitor.objects.exists()
    assert run_apply(file)[0] == 0
    assert run_apply(file, "--check") == (0, "nothing to change\n", "")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"monitors: [{}]", "standpipe.yaml:1: monitors[0].kind", id="invalid"),
        pytest.param(
            bytes([255, 254, 0]), "standpipe.yaml:1: .: is not UTF-8: invalid start byte at byte 0", id="not text"
        ),
        pytest.param(None, "standpipe.yaml:1: .: cannot be read: No such file", id="not there"),
    ],
)
def test_a_refused_file_exits_1_with_the_reason_on_stderr(tmp_path: Path, content: bytes | None, reason: str) -> None:
    file = tmp_path / "standpipe.yaml"
    if content is not None:
        file.write_bytes(content)

    code, out, err = run_apply(file)
    assert (code, out) == (1, "")
    assert reason in err


def test_init_writes_a_starter_that_applies_and_never_overwrites(tmp_path: Path) -> None:
    file = tmp_path / "standpipe.yaml"
    call_command("init", str(file), stdout=StringIO())

    assert run_apply(file)[0] == 0
    schema = json.loads((tmp_path / "standpipe.schema.json").read_text())
    branches = schema["properties"]["monitors"]["items"]["oneOf"]
    assert {branch["properties"]["kind"]["const"] for branch in branches} >= {"http", "smtp"}
    file.write_text("mine")
    with pytest.raises(CommandError, match="is there already"):
        call_command("init", str(file))
    assert file.read_text() == "mine"
