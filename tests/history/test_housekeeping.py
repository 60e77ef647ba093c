"""Chores fall due, are done by whoever comes first, and a failed one says why and comes again."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db.models import F
from django.utils import timezone

from monitors.models import Evidence, HouseJob, Location
from monitors.services import housekeeping
from monitors.services.housekeeping import CHORES, Chore, run_chore, run_chores
from tests.engine.ground import make_monitor

pytestmark = pytest.mark.django_db(transaction=True)


def test_every_chore_runs_once_and_then_waits() -> None:
    assert run_chores() == len(CHORES)
    assert run_chores() == 0
    assert not HouseJob.objects.exclude(error="").exists()
    HouseJob.objects.filter(name="retention").update(due_at=F("due_at") - timedelta(hours=2))
    assert run_chores() == 1


def test_a_chore_does_not_wait_for_the_time_of_a_clock_that_was_ahead() -> None:
    run_chores()
    HouseJob.objects.update(due_at=timezone.now() + timedelta(days=30))
    assert run_chores() == len(CHORES)
    assert run_chores() == 0


def test_a_failed_chore_says_why_and_comes_again() -> None:
    def fails(job: HouseJob, now: object) -> None:
        raise RuntimeError("the disk is full")

    HouseJob.objects.create(name="retention")
    assert run_chore(replace(CHORES["retention"], work=fails))
    job = HouseJob.objects.get()
    assert job.error == "RuntimeError: the disk is full"
    assert job.due_at > timezone.now()


def test_a_chore_that_another_is_at_is_left_to_it() -> None:
    HouseJob.objects.create(name="retention")
    chore = Chore("retention", timedelta(hours=1), lambda job, now: None)
    with housekeeping.transaction.atomic():
        assert housekeeping.claimed(chore) is not None
        finished = run_in_thread(chore)
    assert not finished


def run_in_thread(chore: Chore) -> bool:
    from concurrent.futures import ThreadPoolExecutor

    from django.db import connections

    def work() -> bool:
        try:
            return run_chore(chore)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(work).result(10)


def test_old_evidence_is_forgotten_but_for_the_last_success() -> None:
    monitor = make_monitor("api-a")
    location = Location.objects.get()
    now = timezone.now()
    for result, days in (("fail", 1), ("fail", 91), ("ok", 200)):
        Evidence.objects.create(
            monitor=monitor,
            location=location,
            at=now - timedelta(days=days),
            result=result,
            reason="refused",
            sentence="",
            transcript="",
        )
    run_chores()
    assert [row.at for row in Evidence.objects.all()] == [now - timedelta(days=1), now - timedelta(days=200)]
