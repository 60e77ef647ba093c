"""Own the figures of history: bytes per check before and after roll-up, and a year for 200 components."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.db import connection  # noqa: E402

from monitors.models import Component, HouseJob, Location, Monitor, StateInterval  # noqa: E402
from monitors.selectors.history import days_by_component, latency_over  # noqa: E402
from monitors.selectors.rollups import Grain  # noqa: E402
from monitors.services.rollups import roll_up  # noqa: E402
from tests.benchmarks.probing import make_monitors  # noqa: E402
from tests.benchmarks.rows import Row, bounded, heading  # noqa: E402

EVERY = timedelta(seconds=10)
DAYS = 8
START = datetime(2026, 3, 1, tzinfo=UTC)
YEAR = timedelta(days=365)
CHECKS_A_DAY = timedelta(days=1) / EVERY
COMPONENTS = 200
CHANGES = 100
"""Changes of verdict of one component in its year: an outage every week."""

OBSERVE = """
INSERT INTO monitors_observation (monitor_id, location_id, at, result, reason, latency_ms, phases_ms)
SELECT %(monitor)s, %(location)s, at, CASE WHEN random() < 0.001 THEN 'fail' ELSE 'ok' END, 'ok',
       round((12 + 8 * random() * random() / (0.02 + random()))::numeric, 3),
       '[["dns", 0.041], ["tcp", 0.213], ["tls", 4.127], ["processing", 6.204], ["transfer", 0.088]]'
FROM generate_series(%(start)s, %(end)s - %(every)s, %(every)s) AS at
"""
TABLES = ["monitors_observation_default", "monitors_minuterollup_default", "monitors_hourrollup", "monitors_dayrollup"]


def main() -> None:
    heading()
    bytes_per_check()
    a_year_of_components()


def bytes_per_check() -> None:
    """One monitor for some days, then what a year of it takes: every kind of row for as long as it is kept."""
    make_monitors("http", 1, EVERY, lambda number: {"url": "http://127.0.0.1/"})
    monitor, location = Monitor.objects.get(), Location.objects.get()
    end = START + timedelta(days=DAYS)
    parameters = {"monitor": monitor.pk, "location": location.pk, "start": START, "end": end, "every": EVERY}
    run(OBSERVE, parameters)
    HouseJob.objects.filter(name__startswith="rollup").delete()
    for grain in Grain:
        roll_up(grain, job := HouseJob(name=grain.chore), end + timedelta(hours=1))
        job.save()
    a_day = [size / DAYS for size in map(size_of, TABLES)]
    kept = [settings.KEEP_OBSERVATIONS, settings.KEEP_MINUTES, min(settings.KEEP_HOURS, YEAR), YEAR]
    a_year = sum(size * (length / timedelta(days=1)) for size, length in zip(a_day, kept, strict=True))
    raw, rolled = a_day[0] / CHECKS_A_DAY, a_year / (CHECKS_A_DAY * 365)
    ratio = raw / rolled
    what = "history, bytes per check over a year: rolled up, raw"
    Row(what, f"{rolled:.2f} B", f"{raw:.0f} B", f"1/{ratio:.0f}", "<= 1/50", ratio >= 50).show()
    for table, size in zip(("observations", "minutes", "hours", "days"), a_day, strict=True):
        Row(f"  {table} of one monitor, a day", f"{size / 1e3:,.1f} kB").show()
    timed("true p50, p95, p99 over all of it", lambda: latency_over(monitor.pk, START, end + timedelta(days=20)))


def a_year_of_components() -> None:
    now = datetime.now(UTC)
    StateInterval.objects.all().delete()
    components = Component.objects.bulk_create(Component(slug=f"c{n}", name=f"C {n}") for n in range(COMPONENTS))
    step = YEAR / CHANGES
    StateInterval.objects.bulk_create(
        StateInterval(
            component=component,
            verdict="down" if number % 2 else "up",
            started_at=begin,
            ended_at=None if number == CHANGES - 1 else end,
        )
        for component in components
        for number in range(CHANGES)
        for begin, end in [turn(now, step, number)]
    )
    run("ANALYZE monitors_stateinterval", {})
    ids = [component.pk for component in components]
    taken = timed("the same", lambda: days_by_component(now - YEAR, now, ids))
    bounded("a year of 200 components by the day, for the public page", taken, 300, "ms").show()


def turn(now: datetime, step: timedelta, number: int) -> tuple[datetime, datetime]:
    """Up for most of a step, down for its last five minutes."""
    begin = now - YEAR + (number // 2) * 2 * step
    fall = begin + 2 * step - timedelta(minutes=5)
    return (fall, begin + 2 * step) if number % 2 else (begin, fall)


def timed(what: str, work: Callable[[], object]) -> float:
    """The best of five, in milliseconds; CPU time beside it, which a busy machine does not stretch."""
    taken = []
    for _ in range(5):
        started, worked = time.perf_counter(), time.process_time()
        work()
        taken.append(((time.perf_counter() - started) * 1e3, (time.process_time() - worked) * 1e3))
    Row(f"  {what}", f"{min(taken)[0]:.1f} ms", f"CPU {min(row[1] for row in taken):.1f} ms").show()
    return min(taken)[0]


def size_of(table: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_total_relation_size(%s::regclass)", [table])
        return int(cursor.fetchone()[0])


def run(statement: str, parameters: dict[str, object]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)


if __name__ == "__main__":
    main()
