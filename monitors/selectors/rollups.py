"""Own the reading of figures over time: from the coarsest roll-up that is made, the rest from finer ones."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import Enum
from typing import Any

from django.db import connection

from monitors.histogram import LEAST_MS, RATIO, Histogram, unpacked
from monitors.models import HouseJob

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Grain(Enum):
    """How long a bucket is, where buckets of it are kept, and the chore that makes them."""

    MINUTE = (timedelta(minutes=1), "monitors_minuterollup", "rollup-minute")
    HOUR = (timedelta(hours=1), "monitors_hourrollup", "rollup-hour")
    DAY = (timedelta(days=1), "monitors_dayrollup", "rollup-day")

    def __init__(self, length: timedelta, table: str, chore: str) -> None:
        self.length, self.table, self.chore = length, table, chore

    @property
    def finer(self) -> Grain | None:
        return {Grain.DAY: Grain.HOUR, Grain.HOUR: Grain.MINUTE}.get(self)

    def floor(self, moment: datetime) -> datetime:
        return moment - (moment - EPOCH) % self.length


@dataclass(slots=True)
class Bucket:
    """What was observed on one watch in one bucket of time."""

    monitor_id: int
    location_id: int
    start_at: datetime
    ok: int = 0
    warn: int = 0
    fail: int = 0
    unknown: int = 0
    latencies: Histogram = field(default_factory=Histogram)

    @property
    def checks(self) -> int:
        return self.ok + self.warn + self.fail + self.unknown

    def add(self, other: Bucket) -> None:
        self.ok += other.ok
        self.warn += other.warn
        self.fail += other.fail
        self.unknown += other.unknown
        self.latencies.update(other.latencies)


RAW = f"""
SELECT monitor_id, location_id, date_bin(%(length)s, at, %(epoch)s) AS start_at, result,
       CASE WHEN latency_ms IS NOT NULL THEN ceil(ln(greatest(latency_ms, {LEAST_MS})) / ln({RATIO}))::int END, count(*)
FROM monitors_observation
WHERE at >= %(start)s AND at < %(end)s AND (%(monitor)s::int IS NULL OR monitor_id = %(monitor)s)
GROUP BY 1, 2, 3, 4, 5
"""  # noqa: S608 - a constant only
ROLLED = """
SELECT monitor_id, location_id, start_at, ok, warn, fail, unknown, latencies FROM {table}
WHERE start_at >= %(start)s AND start_at < %(end)s AND (%(monitor)s::int IS NULL OR monitor_id = %(monitor)s)
"""


def fetched(query: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(query, parameters)
        return list(cursor.fetchall())


def raw_buckets(grain: Grain, start: datetime, end: datetime, monitor_id: int | None = None) -> list[Bucket]:
    """Counted from single observations. One query."""
    parameters = {"length": grain.length, "epoch": EPOCH, "start": start, "end": end, "monitor": monitor_id}
    made: dict[tuple[int, int, datetime], Bucket] = {}
    for monitor, location, start_at, result, bucket, count in fetched(RAW, parameters):
        row = made.setdefault((monitor, location, start_at), Bucket(monitor, location, start_at))
        setattr(row, result, getattr(row, result) + count)
        if bucket is not None:
            row.latencies[bucket] += count
    return list(made.values())


def rolled_buckets(grain: Grain, start: datetime, end: datetime, monitor_id: int | None = None) -> list[Bucket]:
    """As they were rolled up. One query."""
    rows = fetched(ROLLED.format(table=grain.table), {"start": start, "end": end, "monitor": monitor_id})
    return [
        Bucket(monitor, location, start_at, ok, warn, fail, unknown, unpacked(latencies))
        for monitor, location, start_at, ok, warn, fail, unknown, latencies in rows
    ]


def coarsened(buckets: Iterable[Bucket], grain: Grain) -> list[Bucket]:
    """The same figures in longer buckets, oldest first."""
    made: dict[tuple[int, int, datetime], Bucket] = {}
    for bucket in buckets:
        start_at = grain.floor(bucket.start_at)
        key = (bucket.monitor_id, bucket.location_id, start_at)
        made.setdefault(key, Bucket(bucket.monitor_id, bucket.location_id, start_at)).add(bucket)
    return sorted(made.values(), key=lambda bucket: bucket.start_at)


def buckets(grain: Grain, start: datetime, end: datetime, monitor_id: int | None = None) -> list[Bucket]:
    """Every bucket of the grain that begins in the span, oldest first; what is not rolled up yet is read finer.

    At most five queries.
    """
    done_until = dict(HouseJob.objects.values_list("name", "done_until"))
    return coarsened(parts(grain, grain.floor(start), end, monitor_id, done_until), grain)


def parts(
    grain: Grain, start: datetime, end: datetime, monitor_id: int | None, done_until: dict[str, datetime | None]
) -> Iterator[Bucket]:
    reached = min(max(done_until.get(grain.chore) or start, start), end)
    if reached > start:
        yield from rolled_buckets(grain, start, reached, monitor_id)
    if reached < end and grain.finer is not None:
        yield from parts(grain.finer, reached, end, monitor_id, done_until)
    elif reached < end:
        yield from raw_buckets(grain, reached, end, monitor_id)
