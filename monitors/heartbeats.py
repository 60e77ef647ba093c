"""Own what calls from a job amount to: on time, late, failed, stuck or never heard (pure)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from croniter import croniter

from monitors.certificates import words_for
from monitors.evidence import excerpt
from monitors.results import Result

CLOCK_SLACK = timedelta(seconds=10)
"""A job whose clock runs ahead of ours by this calls before its time, and still means this time."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """When calls are due: every `period`, or by a cron line in a zone. Late counts after `grace`.

    A job that has called `start` has `max_run` to call `finish`.
    """

    period: timedelta | None
    cron: str | None
    zone: str
    grace: timedelta
    max_run: timedelta

    def due_after(self, began_at: datetime) -> datetime:
        """The next instant at which a call is due, after a run that began then. UTC in, aware out."""
        if self.cron is None:
            assert self.period is not None
            return began_at + self.period
        zone = ZoneInfo(self.zone)
        ticks = croniter(self.cron, (began_at + CLOCK_SLACK).astimezone(zone))
        due: datetime = ticks.get_next(datetime)
        while due.fold:  # the hour that is repeated in autumn: cron runs a job in it once, not twice
            due = ticks.get_next(datetime)
        return due


@dataclass(frozen=True, slots=True)
class Heard:
    """The newest call of each kind, None where there was none, and since when anyone listens."""

    listening_since: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    failed_at: datetime | None = None
    exit_code: int | None = None
    note: str = ""

    @property
    def ended_at(self) -> datetime | None:
        return max((at for at in (self.finished_at, self.failed_at) if at), default=None)

    @property
    def is_running(self) -> bool:
        return self.started_at is not None and (self.ended_at is None or self.started_at > self.ended_at)

    @property
    def has_failed(self) -> bool:
        return self.failed_at is not None and (self.finished_at is None or self.failed_at > self.finished_at)

    def began_at(self, max_run: timedelta) -> datetime:
        """When the last run began: its start, else its end, else when listening began.

        A start longer before the end than a run may take is of a job that calls `start` no more.
        """
        if self.started_at is None or self.ended_at is None or self.is_running:
            return self.started_at or self.ended_at or self.listening_since
        return self.started_at if self.ended_at - self.started_at <= max_run else self.ended_at


Found = tuple[Result, str, str]
"""Result, reason code and sentence."""


def judged(heard: Heard, schedule: Schedule, now: datetime) -> Found:
    """What the calls amount to at `now`. Before the first call is due nothing is known."""
    if heard.is_running and heard.started_at is not None and now - heard.started_at > schedule.max_run:
        return Result.FAIL, "heartbeat_stuck", f"started {words_for(now - heard.started_at)} ago and has not finished"
    if heard.has_failed and heard.failed_at is not None:
        return Result.FAIL, "heartbeat_failed", _failure(heard, now - heard.failed_at)
    due_at = schedule.due_after(heard.began_at(schedule.max_run))
    if now > due_at + schedule.grace and not heard.is_running:
        return Result.FAIL, "heartbeat_missed", _silence(heard, due_at, now)
    if heard.finished_at is None:
        return Result.UNKNOWN, "heartbeat_new", f"no run has finished yet; due by {due_at:%Y-%m-%d %H:%M %Z}"
    return Result.OK, "ok", _well(heard, due_at, now)


def _failure(heard: Heard, ago: timedelta) -> str:
    code = f" with exit code {heard.exit_code}" if heard.exit_code is not None else ""
    note = f': "{excerpt(heard.note, 120)}"' if heard.note else ""
    return f"reported a failure{code} {words_for(ago)} ago{note}"


def _silence(heard: Heard, due_at: datetime, now: datetime) -> str:
    last = f"last heard {words_for(now - heard.ended_at)} ago" if heard.ended_at else "never heard"
    return f"was due at {due_at:%Y-%m-%d %H:%M %Z}, {words_for(now - due_at)} ago; {last}"


def _well(heard: Heard, due_at: datetime, now: datetime) -> str:
    assert heard.finished_at is not None
    if heard.is_running and heard.started_at:
        return f"running since {words_for(now - heard.started_at)}"
    late = f", late since {words_for(now - due_at)}" if now > due_at else f", next by {due_at:%Y-%m-%d %H:%M %Z}"
    return f"finished {words_for(now - heard.finished_at)} ago{late}"
