"""Own the figures of queues: 200 of them every second, stored, rolled up and read, against COPY alone."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import django
import psycopg

QUEUES = 200
SECONDS = 60
DAY_S = 86_400
SIZE = "SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('monitors_queuesample')"


def main() -> None:
    django.setup()
    from django.db import connection

    batches = list(observations())
    asyncio.run(stored(connection.get_connection_params(), batches))
    read()


async def stored(params: dict[str, Any], batches: list[list[Any]]) -> None:
    """A minute of 200 queues through the whole way, and the same rows by COPY alone."""
    keys = ("host", "port", "user", "password", "dbname")
    async with await psycopg.AsyncConnection.connect(**{key: params[key] for key in keys if params.get(key)}) as own:
        way_s = await timed([partial(keep, own, batch) for batch in batches])
        rows = [row for batch in batches for observed in batch for row in observed.result.details["samples"]]
        raw_s = await timed([partial(copied, own, rows)])
        size = await (await own.execute(SIZE)).fetchone()
    samples = QUEUES * SECONDS
    print(
        f"queues: {samples:,} samples of {QUEUES} queues, whole way: {samples / way_s:,.0f}/s; a second of {QUEUES}"
        f" queues takes {way_s / SECONDS * 1000:.0f} ms ({way_s / SECONDS:.1%} of the time)"
    )
    print(
        f"queues: COPY of the raw rows alone: {samples / raw_s:,.0f}/s; the whole way with judging, two roll-ups,"
        f" figures and findings costs {way_s / raw_s:.0f}x"
    )
    assert size is not None
    per_sample = float(size[0]) / samples
    print(f"queues: {per_sample:.0f} bytes a raw sample: {per_sample * QUEUES * DAY_S / 1e9:.1f} GB for a day at 1 s")


def observations() -> Iterator[list[Any]]:
    """Batches as the prober hands them over: each queue judged by its flow."""
    from monitors.flow import Sample
    from monitors.models import Monitor
    from monitors.probes import Check, Observed
    from monitors.probes.queue import Remembered, read
    from monitors.queues import QueueOptions

    options = {"source": "push"}
    monitors = [
        Monitor.objects.create(slug=f"bench-{n}", name="q", kind="queue", options=options) for n in range(QUEUES)
    ]
    checks = [Check(m.pk, m.slug, "queue", 5.0, 1.0, QueueOptions.model_validate(options)) for m in monitors]
    known = [Remembered() for _ in checks]
    start = datetime.now(UTC) - timedelta(seconds=SECONDS)
    began = time.process_time()
    for second in range(SECONDS):
        at = start + timedelta(seconds=second)
        sample = Sample(at, depth=50 + second % 7, in_total=900 * second + 50 + second % 7, out_total=900 * second)
        yield [Observed(c, 1, at, read(c, r, [sample], 0.0)) for c, r in zip(checks, known, strict=True)]
    spent = time.process_time() - began
    print(f"queues: judging alone: {QUEUES * SECONDS / spent:,.0f} samples per CPU-second")


async def keep(own: psycopg.AsyncConnection[Any], batch: list[Any]) -> None:
    from monitors.probes.queue import keep as store

    async with own.transaction():
        await store(own, batch)


async def copied(own: psycopg.AsyncConnection[Any], rows: list[dict[str, Any]]) -> None:
    from monitors.services.queue_samples import COLUMNS

    async with own.transaction(), own.cursor() as cursor:
        await cursor.execute("CREATE TEMP TABLE plain (LIKE monitors_queuesample INCLUDING ALL) ON COMMIT DROP")
        async with cursor.copy(f"COPY plain ({', '.join(COLUMNS)}) FROM STDIN") as copy:
            for row in rows:
                await copy.write_row([row[name] for name in COLUMNS])


async def timed(works: list[Callable[[], Any]]) -> float:
    began = time.perf_counter()
    for work in works:
        await work()
    return time.perf_counter() - began


def read() -> None:
    """A day of roll-ups of 200 queues, and what the board and the day chart ask of them."""
    from django.db import connection

    from monitors.models import Monitor
    from monitors.selectors.queues import day_series, latest_queues, sparklines

    now = datetime.now(UTC)
    fill = """
        INSERT INTO {table} (monitor_id, bucket_at, last_at, samples, rated, depth_min, depth_max, depth_last,
            ingress_mean, ack_mean, oldest_max_s)
        SELECT id, at, at, 10, 10, 1, 9, 5, 900, 900, 2 FROM monitors_monitor,
            generate_series(date_bin('{step} s', %s, '2000-01-01Z'), %s, interval '{step} s') AS at
        ON CONFLICT DO NOTHING"""
    with connection.cursor() as cursor:
        cursor.execute(fill.format(table="monitors_queuetenseconds", step=10), [now - timedelta(hours=2), now])
        cursor.execute(fill.format(table="monitors_queueminute", step=60), [now - timedelta(days=1), now])
        cursor.execute("ANALYZE")
    slugs = list(Monitor.objects.values_list("slug", flat=True)[:4])
    for what, ask in (
        ("latest figures of 200 queues", latest_queues),
        ("sparklines of 200 queues", lambda: sparklines(now)),
        ("sparklines of the four that the board pictures", lambda: sparklines(now, slugs)),
        ("day series of one queue", lambda: day_series(slugs[0], now)),
    ):
        ask()
        began = time.perf_counter()
        for _ in itertools.repeat(None, 3):
            ask()
        print(f"queues: {what}: {(time.perf_counter() - began) / 3 * 1000:.0f} ms, one query")


if __name__ == "__main__":
    main()
