"""When every prober is gone, the responder says so in the rows: unknown from the last look on, and no longer up."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from incidents import silence
from incidents.silence import Watchman
from monitors.engine.connections import connection_parameters
from monitors.models import Monitor, MonitorState, StateChange, Watch
from monitors.verdicts import stale_after_s
from statuspage.database import embedded
from statuspage.database.place import Place
from tests.engine.ground import make_component, make_monitor
from tests.running import CROWD, Up
from tests.waiting import wait_until

VERDICTS = """
SELECT (SELECT verdict FROM monitors_monitorstate), (SELECT verdict FROM monitors_component),
       (SELECT count(*) FROM monitors_processbeat WHERE role = 'prober' AND beat_at > now() - interval '5 s')
"""
CHANGES = """
SELECT to_verdict, reason, started_at, recorded_at FROM monitors_statechange WHERE monitor_id IS NOT NULL ORDER BY id
"""
OPEN = """
SELECT verdict, started_at FROM monitors_stateinterval WHERE monitor_id IS NOT NULL AND ended_at IS NULL
"""
LAST_LOOK = "SELECT max(at) FROM monitors_observation"
SILENT_AFTER_S = stale_after_s(interval_s=1, timeout_s=1)


@pytest.fixture
def up(tmp_path: Path) -> Iterator[Up]:
    running = Up(tmp_path)
    try:
        yield running.start()
    finally:
        if running.process is not None:
            running.process.send_signal(signal.SIGCONT)
            running.end()
        running.sweep()


def rows(up: Up, query: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(embedded.url(Place(up.data))) as connection:
        return connection.execute(query).fetchall()


def test_what_killed_probers_watched_is_unknown_from_their_last_look_on(up: Up) -> None:
    wait_until(lambda: rows(up, VERDICTS) == [("up", "up", 1)], within=30 * CROWD)
    assert up.process is not None
    # A supervisor that runs would start the prober again.
    up.process.send_signal(signal.SIGSTOP)
    for pid in up.pids("manage.py probe"):
        os.kill(pid, signal.SIGKILL)
    wait_until(lambda: rows(up, VERDICTS) == [("unknown", "unknown", 0)], within=(SILENT_AFTER_S + 15) * CROWD)
    (last_look,) = rows(up, LAST_LOOK)[0]
    verdict, reason, started_at, recorded_at = rows(up, CHANGES)[-1]
    assert (verdict, reason, started_at) == ("unknown", "no_report", last_look)
    assert recorded_at - started_at >= timedelta(seconds=SILENT_AFTER_S)
    assert rows(up, OPEN) == [("unknown", last_look)]

    up.process.send_signal(signal.SIGCONT)
    wait_until(lambda: rows(up, VERDICTS) == [("up", "up", 1)], within=30 * CROWD)
    assert [change[0] for change in rows(up, CHANGES)] == ["up", "unknown", "up"]


HOUR = timedelta(hours=1)


@pytest.fixture
def silent(transactional_db: None) -> Monitor:
    """A monitor that was up an hour ago, and that nobody has looked at since."""
    monitor = make_monitor("api-a", component=make_component("api"))
    then = datetime.now(UTC) - HOUR
    MonitorState.objects.update(verdict="up", since=then - HOUR)
    Watch.objects.update(last_at=then)
    return monitor


def hearing_for(length: timedelta) -> Watchman:
    return Watchman(hearing_since_s=time.monotonic() - length.total_seconds())


def test_who_has_listened_long_enough_settles_silence_once(silent: Monitor) -> None:
    watchman = hearing_for(HOUR)
    assert [watchman.look(), watchman.look()] == [True, False]
    change = StateChange.objects.get(monitor=silent)
    assert (change.to_verdict, change.started_at) == ("unknown", Watch.objects.get().last_at)
    assert hearing_for(HOUR).look() is False


def test_who_has_just_begun_to_listen_waits(silent: Monitor) -> None:
    watchman = Watchman()
    assert watchman.look() is False
    assert watchman.hearing_since_s is not None
    assert MonitorState.objects.get().verdict == "up"


def test_an_outage_of_the_database_is_not_taken_for_silence(silent: Monitor, monkeypatch: pytest.MonkeyPatch) -> None:
    watchman = hearing_for(HOUR)
    with monkeypatch.context() as gone:
        gone.setattr(silence, "connection_parameters", lambda: connection_parameters() | {"host": "/nowhere"})
        assert watchman.look() is False
    watchman.looked_at_s -= silence.LOOK_EVERY_S
    assert watchman.look() is False
    assert MonitorState.objects.get().verdict == "up"
