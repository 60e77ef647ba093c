"""Worker processes show that they live, stop when told, and wait for a database that is gone."""

from __future__ import annotations

import asyncio
import os
import signal
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import OperationalError
from django.utils import timezone

from monitors import processes
from monitors.models import ProcessBeat
from monitors.processes import Process, run_async, run_rounds

pytestmark = pytest.mark.django_db(transaction=True)


def tell_to_stop() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def test_a_worker_has_a_row_while_it_lives_and_none_after() -> None:
    seen: list[ProcessBeat] = []

    def work(process: Process) -> bool:
        seen.append(ProcessBeat.objects.get(id=process.id))
        tell_to_stop()
        return True

    run_rounds("tester", work, location="here")
    assert [(beat.role, beat.location, beat.pid) for beat in seen] == [("tester", "here", os.getpid())]
    assert not ProcessBeat.objects.exists()


def test_a_worker_drains_its_round_before_it_stops() -> None:
    drained = []

    def work(process: Process) -> bool:
        tell_to_stop()
        drained.append(process.stopping.is_set())
        return True

    run_rounds("tester", work)
    assert drained == [True]


def test_a_later_beat_refreshes_the_row_and_its_detail() -> None:
    process = Process("tester")
    process.beat()
    first = ProcessBeat.objects.get()
    ProcessBeat.objects.update(beat_at=timezone.now() - timedelta(minutes=1))
    process.detail["lag_ms"] = 4
    process.beat()
    second = ProcessBeat.objects.get()
    assert (second.started_at, second.detail) == (first.started_at, {"lag_ms": 4})
    assert timezone.now() - second.beat_at < timedelta(seconds=10)


def test_rows_of_processes_that_died_long_ago_are_forgotten() -> None:
    dead = Process("tester")
    dead.beat()
    ProcessBeat.objects.update(beat_at=timezone.now() - timedelta(days=2))
    Process("tester").end()
    assert not ProcessBeat.objects.exists()


def test_a_worker_waits_for_a_database_that_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "BACK_OFF_S", 0.01)
    monkeypatch.setattr(processes, "PAUSE_S", 0.01)
    rounds = []

    def work(process: Process) -> bool:
        rounds.append(1)
        if len(rounds) == 3:
            tell_to_stop()
            return True
        raise OperationalError("the database system is shutting down")

    run_rounds("tester", work)
    assert len(rounds) == 3


def test_any_other_error_ends_the_worker_loudly_and_takes_its_row() -> None:
    def work(process: Process) -> bool:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_rounds("tester", work)
    assert not ProcessBeat.objects.exists()


def test_signals_are_as_before_when_a_worker_has_ended() -> None:
    before = signal.getsignal(signal.SIGTERM)
    run_rounds("tester", lambda process: bool(tell_to_stop()))
    assert signal.getsignal(signal.SIGTERM) is before


def test_an_asynchronous_worker_beats_and_stops_the_same_way() -> None:
    told = []

    async def main(process: Process, stop: asyncio.Event) -> None:
        tell_to_stop()
        await asyncio.wait_for(stop.wait(), 5)
        told.append(process.role)

    run_async("tester", main)
    assert told == ["tester"]
    assert not ProcessBeat.objects.exists()


def test_respond_once_makes_one_round_and_leaves_no_row() -> None:
    call_command("respond", once=True)
    assert not ProcessBeat.objects.exists()
