"""Own the roll-ups: minutes from observations, hours from minutes, days from hours; once more changes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import connection

from monitors.histogram import packed
from monitors.models import HouseJob, Observation
from monitors.selectors.rollups import Bucket, Grain, coarsened, raw_buckets, rolled_buckets

SETTLED_AFTER = timedelta(seconds=45)
"""The longest that an observation of the bucket may still be on its way in: its timeout, and the batch it waits for."""
STEPS = {Grain.MINUTE: timedelta(hours=1), Grain.HOUR: timedelta(days=1), Grain.DAY: timedelta(days=10)}
"""How much is rolled up in one go, so that catching up after an outage is many small transactions' worth of memory."""
ROWS_AT_ONCE = 1_000

UPSERT = """
INSERT INTO {table} (monitor_id, location_id, start_at, ok, warn, fail, unknown, latencies)
SELECT * FROM unnest(
    %s::int[], %s::smallint[], %s::timestamptz[], %s::int[], %s::int[], %s::int[], %s::int[], %s::bytea[])
ON CONFLICT (monitor_id, location_id, start_at) DO UPDATE SET
    ok = excluded.ok, warn = excluded.warn, fail = excluded.fail, unknown = excluded.unknown,
    latencies = excluded.latencies
"""


def roll_up(grain: Grain, job: HouseJob, now: datetime) -> None:
    """Roll up every bucket that is complete, and note how far that is. Later rows of the past are told by `reopen`."""
    start = job.done_until or first_bucket(grain)
    end = complete_until(grain, now)
    if start is not None and start > end:
        # The clock was ahead: what has been observed since came too late for buckets that were counted before it.
        start = end - STEPS[grain]
    while start is not None and start < end:
        until = min(start + STEPS[grain], end)
        write(grain, source(grain, start, until))
        job.done_until = start = until


def first_bucket(grain: Grain) -> datetime | None:
    oldest = Observation.objects.order_by("at").values_list("at", flat=True).first()
    return None if oldest is None else grain.floor(oldest)


def complete_until(grain: Grain, now: datetime) -> datetime:
    """The end of the last complete bucket: by the clock for minutes, by the finer roll-up for the others."""
    if grain.finer is None:
        return grain.floor(now - SETTLED_AFTER)
    finer = HouseJob.objects.get(name=grain.finer.chore).done_until
    return grain.floor(finer) if finer is not None else grain.floor(now - timedelta(days=36_500))


def source(grain: Grain, start: datetime, end: datetime) -> list[Bucket]:
    if grain.finer is None:
        return raw_buckets(grain, start, end)
    return coarsened(rolled_buckets(grain.finer, start, end), grain)


def write(grain: Grain, buckets: Iterable[Bucket]) -> None:
    with connection.cursor() as cursor:
        for some in batched_rows(buckets):
            cursor.execute(UPSERT.format(table=grain.table), [list(column) for column in zip(*some, strict=True)])


def batched_rows(buckets: Iterable[Bucket]) -> Iterable[list[tuple[object, ...]]]:
    rows: list[tuple[object, ...]] = [
        (one.monitor_id, one.location_id, one.start_at, one.ok, one.warn, one.fail, one.unknown, packed(one.latencies))
        for one in buckets
    ]
    return [rows[start : start + ROWS_AT_ONCE] for start in range(0, len(rows), ROWS_AT_ONCE)]
