"""Own the tables that are partitioned by day: days made ahead, and dropped when their time is over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import connection

DAY = timedelta(days=1)
DAYS_AHEAD = 3
LOCK_TIMEOUT = "SET LOCAL lock_timeout = '3s'"
"""Adding a day locks the whole table for a moment; behind a long query it gives way and is tried again."""


@dataclass(frozen=True, slots=True)
class Partitioned:
    """A table partitioned by day on `column`, with a default partition for what no day was made for."""

    table: str
    column: str
    keep: timedelta
    with_options: str = ""


def partitioned_tables() -> list[Partitioned]:
    """Every partitioned table of this floor, with how long its rows are kept."""
    return [
        Partitioned("monitors_observation", "at", settings.KEEP_OBSERVATIONS),
        Partitioned("monitors_minuterollup", "start_at", settings.KEEP_MINUTES),
        Partitioned("monitors_queuesample", "at", settings.KEEP_OBSERVATIONS),
        Partitioned("monitors_queuetenseconds", "bucket_at", settings.KEEP_MINUTES, "WITH (fillfactor = 70)"),
        Partitioned("monitors_queueminute", "bucket_at", settings.KEEP_HOURS, "WITH (fillfactor = 70)"),
    ]


def tend_partitions(now: datetime) -> None:
    """Make the days ahead of `now`, and drop those that nothing needs any more."""
    run(LOCK_TIMEOUT)
    for partitioned in partitioned_tables():
        present = set(partition_days(partitioned))
        for ahead in range(DAYS_AHEAD + 1):
            day = midnight(now) + ahead * DAY
            if day not in present:
                add_day(partitioned, day)
        for day in present:
            if day + DAY <= now - partitioned.keep:
                run(f"DROP TABLE {partition_name(partitioned, day)}")
        run(f"DELETE FROM {partitioned.table}_default WHERE {partitioned.column} < %s", now - partitioned.keep)  # noqa: S608


def midnight(moment: datetime) -> datetime:
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)


def partition_name(partitioned: Partitioned, day: datetime) -> str:
    return f"{partitioned.table}_{day:%Y%m%d}"


def partition_days(partitioned: Partitioned) -> Iterator[datetime]:
    """The days that have a partition, read from the names that `partition_name` gives."""
    query = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = %s::regclass"
    with connection.cursor() as cursor:
        cursor.execute(query, [partitioned.table])
        names = [name for (name,) in cursor.fetchall()]
    for name in names:
        suffix = name.rpartition("_")[2]
        if suffix.isdigit():
            yield datetime.strptime(suffix, "%Y%m%d").replace(tzinfo=UTC)


def add_day(partitioned: Partitioned, day: datetime) -> None:
    """Make one day. Rows of that day that the default partition took meanwhile move over first, or attaching fails."""
    table, name, column = partitioned.table, partition_name(partitioned, day), partitioned.column
    run(f"CREATE TABLE {name} (LIKE {table} INCLUDING ALL) {partitioned.with_options}")
    run(
        f"WITH moved AS (DELETE FROM {table}_default WHERE {column} >= %s AND {column} < %s RETURNING *) "  # noqa: S608
        f"INSERT INTO {name} SELECT * FROM moved",
        day,
        day + DAY,
    )
    bounds = f"FROM ('{day:%Y-%m-%d}+00') TO ('{day + DAY:%Y-%m-%d}+00')"
    run(f"ALTER TABLE {table} ATTACH PARTITION {name} FOR VALUES {bounds}")


def run(statement: str, *parameters: datetime) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters or None)
