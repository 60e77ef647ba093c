"""`manage.py probe --once` looks once, says what it saw, and stores it."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from monitors.models import Observation, ProcessBeat, Watch
from tests.engine.ground import make_monitor
from tests.peers.peer import free_port

pytestmark = pytest.mark.django_db(transaction=True)

KEYS = {"monitor", "at", "location", "result", "reason", "sentence", "latency_ms", "phases_ms"}


@pytest.fixture
def port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def tcp_monitor(slug: str, port: int) -> None:
    make_monitor(slug, every_s=60, kind="tcp", options={"address": f"127.0.0.1:{port}"})


def looked(*arguments: str) -> list[str]:
    out = StringIO()
    call_command("probe", "--once", *arguments, stdout=out)
    return out.getvalue().splitlines()


def test_due_monitors_are_looked_at_once(port: int) -> None:
    tcp_monitor("a", port)
    tcp_monitor("b", port)
    rows = [json.loads(line) for line in looked("--json")]
    assert {row["monitor"] for row in rows} == {"a", "b"}
    assert all(set(row) == KEYS for row in rows)
    assert {row["result"] for row in rows} == {"ok"}
    assert Observation.objects.count() == 2
    assert looked() == []
    assert not Watch.objects.exclude(claimed_by=None).exists()
    assert not ProcessBeat.objects.exists()


def test_a_named_monitor_is_looked_at_whether_due_or_not(port: int) -> None:
    tcp_monitor("a", port)
    Watch.objects.update(due_at=timezone.now() + timedelta(hours=1))
    [line] = looked("--monitor", "a")
    assert line.startswith("ok      a ")


def test_a_failure_is_told_by_the_exit_code() -> None:
    tcp_monitor("a", free_port())
    with pytest.raises(SystemExit) as ended:
        looked("--monitor", "a")
    assert ended.value.code == 1
    assert Observation.objects.get().reason == "refused"


def test_a_monitor_that_another_prober_holds_is_looked_at_but_left_to_it(port: int) -> None:
    tcp_monitor("a", port)
    owner = uuid4()
    ProcessBeat.objects.create(id=owner, role="prober", host="h", pid=1, location="main")
    Watch.objects.update(claimed_by=owner)
    assert len(looked("--monitor", "a")) == 1
    watch = Watch.objects.get()
    assert (watch.claimed_by, watch.window) == (owner, [])
    assert Observation.objects.count() == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        pytest.param(["--once", "--monitor", "nobody"], "not watched from main: nobody", id="no such monitor"),
        pytest.param(["--monitor", "a"], "--monitor goes with --once", id="a name without once"),
    ],
)
def test_what_cannot_be_looked_at_is_refused(arguments: list[str], said: str) -> None:
    with pytest.raises(CommandError, match=said):
        call_command("probe", *arguments)
