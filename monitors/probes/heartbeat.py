"""Own the `heartbeat` kind: the one that asks nobody; jobs call us, and this looks at when they last did."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated, Self
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import psycopg
from croniter import croniter
from django.db import Error as DjangoDatabaseError
from pydantic import AfterValidator, Field, model_validator

from monitors.engine.connections import connect, connection_parameters
from monitors.heartbeats import Heard, Schedule, judged
from monitors.options import Duration, Strict
from monitors.probes.attempt import Attempt, attempted
from monitors.probes.faults import Fault
from monitors.probes.kind import Check, Kind
from monitors.results import ProbeResult, Result
from monitors.selectors.heartbeats import heard


def _checked_cron(line: str) -> str:
    if len(line.split()) != 5 or not croniter.is_valid(line):
        raise ValueError(f"{line!r} is not a cron line; write minute hour day month weekday, as 30 2 * * 1-5")
    return " ".join(line.split())


def _checked_zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is not a time zone; write it as Europe/Paris or UTC") from error
    return name


class HeartbeatOptions(Strict):
    """When the job is due: `period` after its last run began, or by a `cron` line in `time_zone`.

    `every`, as for any monitor, is how often we look. Count up `key_number` to make the old address void.
    """

    period: Duration | None = None
    cron: Annotated[str, AfterValidator(_checked_cron)] | None = None
    time_zone: Annotated[str, AfterValidator(_checked_zone)] = "UTC"
    grace: Duration = timedelta(minutes=5)
    max_run: Duration = timedelta(hours=1)
    key_number: int = Field(default=1, ge=1, le=9999)

    @model_validator(mode="after")
    def be_due_somehow(self) -> Self:
        if (self.period is None) == (self.cron is None):
            raise ValueError("give exactly one of period and cron")
        if self.period is not None and self.period < timedelta(seconds=1):
            raise ValueError("period must be at least 1s")
        return self

    @property
    def schedule(self) -> Schedule:
        return Schedule(self.period, self.cron, self.time_zone, self.grace, self.max_run)


async def look(attempt: Attempt) -> ProbeResult:
    attempt.timeout_result = Result.UNKNOWN
    options: HeartbeatOptions = attempt.check.options
    attempt.begin("figures")
    try:
        found = await last_heard(attempt.check.monitor_id)
    except (psycopg.Error, DjangoDatabaseError) as error:
        raise Fault("own_database", f"our own database does not answer: {error}", Result.UNKNOWN) from error
    attempt.is_reached = True
    describe(attempt, found)
    result, reason, sentence = judged(found, options.schedule, datetime.now(UTC))
    return attempt.succeed(sentence) if result is Result.OK else attempt.fail(Fault(reason, sentence, result))


async def last_heard(monitor_id: int) -> Heard:
    parameters = await asyncio.to_thread(connection_parameters)
    connection = await connect("heartbeat", parameters)
    try:
        return await heard(connection, monitor_id)
    finally:
        await connection.close()


def describe(attempt: Attempt, found: Heard) -> None:
    for words, at in (("start", found.started_at), ("finish", found.finished_at), ("fail", found.failed_at)):
        attempt.transcript.remark(f"last {words}: {at.isoformat(timespec='seconds') if at else 'never'}")
    if found.has_failed and found.note:
        attempt.transcript.heard(found.note)


async def run(check: Check) -> ProbeResult:
    return await attempted(check, look)


KIND = Kind("heartbeat", HeartbeatOptions, run, host=lambda _options: "heartbeats")
