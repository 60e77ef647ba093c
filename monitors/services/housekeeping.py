"""Own the chores of the history: rows that fall due, claimed by whichever prober comes first."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from django.conf import settings
from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone

from monitors.models import Evidence, HourRollup, HouseJob
from monitors.results import Result
from monitors.selectors.rollups import Grain
from monitors.services.partitions import tend_partitions
from monitors.services.rollups import roll_up
from monitors.services.uptime import freeze_months

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Chore:
    """One recurring piece of work. `work` may move the job's `done_until` on."""

    name: str
    every: timedelta
    work: Callable[[HouseJob, datetime], object]


def forget_old(job: HouseJob, now: datetime) -> None:
    # The last success stays, however old: it was written when it was the first, and is what a failure is held against.
    Evidence.objects.filter(at__lt=now - settings.KEEP_EVIDENCE).exclude(result=Result.OK).delete()
    HourRollup.objects.filter(start_at__lt=now - settings.KEEP_HOURS).delete()


CHORES = {
    chore.name: chore
    for chore in (
        Chore("partitions", timedelta(hours=1), lambda job, now: tend_partitions(now)),
        Chore(Grain.MINUTE.chore, timedelta(minutes=1), partial(roll_up, Grain.MINUTE)),
        Chore(Grain.HOUR.chore, timedelta(minutes=10), partial(roll_up, Grain.HOUR)),
        Chore(Grain.DAY.chore, timedelta(hours=1), partial(roll_up, Grain.DAY)),
        Chore("retention", timedelta(hours=1), forget_old),
        Chore("uptime-months", timedelta(hours=1), lambda job, now: freeze_months(now)),
    )
}


def run_chores() -> int:
    """Run every chore that is due and that nobody else is at; return how many. Each in a transaction of its own."""
    HouseJob.objects.bulk_create([HouseJob(name=name) for name in CHORES], ignore_conflicts=True)
    done = sum(run_chore(chore) for chore in CHORES.values())
    connection.close()
    return done


def run_chore(chore: Chore) -> bool:
    try:
        with transaction.atomic():
            job = claimed(chore)
            if job is None:
                return False
            chore.work(job, timezone.now())
            finish(chore, job, "")
    except Exception as error:
        log.exception("a chore failed", extra={"chore": chore.name})
        with transaction.atomic():
            job = claimed(chore)
            if job is not None:
                finish(chore, job, f"{type(error).__name__}: {error}"[:2_000])
    return True


def claimed(chore: Chore) -> HouseJob | None:
    now = timezone.now()
    # What is due later than it can be was written by a clock that was ahead, and is not waited for.
    due = HouseJob.objects.filter(Q(due_at__lte=now) | Q(due_at__gt=now + 2 * chore.every), name=chore.name)
    return due.select_for_update(skip_locked=True).first()


def finish(chore: Chore, job: HouseJob, error: str) -> None:
    now = timezone.now()
    job.due_at, job.finished_at, job.error = now + chore.every, now, error
    job.save(update_fields=["due_at", "done_until", "finished_at", "error"])
