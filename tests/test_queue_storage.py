"""Queues in the database: samples once, roll-ups that agree with them, figures, findings, and taking over."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections

from monitors.models import Finding, Monitor, QueueMinute, QueueSample, QueueState, QueueTenSeconds
from monitors.probes import KINDS, Check, Observed
from monitors.probes.queue import REMEMBERED
from monitors.queues import QueueOptions, close
from monitors.results import ProbeResult, Result
from monitors.services.pushed_samples import store_pushed
from monitors.services.queue_holds import hold_queues, release_queues
from monitors.services.queue_samples import store_samples

pytestmark = pytest.mark.django_db(transaction=True)

QUEUE = KINDS["queue"]
NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
TABLE = """
CREATE TABLE IF NOT EXISTS watched (
    depth int, in_total int, out_total int, consumers int, oldest_age_s float8, utilisation float8, held text)
"""


@pytest.fixture
async def prober() -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """The prober's own connection."""
    params = await sync_to_async(connection.get_connection_params)()
    keys = ("host", "port", "user", "password", "dbname")
    own = await psycopg.AsyncConnection.connect(**{key: params[key] for key in keys if params.get(key)})
    yield own
    await own.close()
    await close()
    REMEMBERED.clear()
    await sync_to_async(connections.close_all)()


async def queue(slug: str = "outbound", **options: Any) -> Check:
    options = {"source": "sql", "dsn": await sync_to_async(dsn)(), "query": "SELECT * FROM watched", **options}
    options = {name: value for name, value in options.items() if value is not None}
    monitor = await Monitor.objects.acreate(slug=slug, name=slug, kind="queue", options=options)
    return Check(monitor.pk, slug, "queue", 5.0, 1.0, QueueOptions.model_validate(options))


def dsn() -> str:
    params = connection.get_connection_params()
    return psycopg.conninfo.make_conninfo(
        **{key: params[key] for key in ("host", "port", "user", "password", "dbname") if params.get(key)}
    )


async def told(prober: psycopg.AsyncConnection[Any], **figures: Any) -> None:
    """What the customer's table says now."""
    await prober.execute(TABLE)
    await prober.execute("DELETE FROM watched")
    names = ", ".join(figures)
    marks = ", ".join(["%s"] * len(figures))
    await prober.execute(f"INSERT INTO watched ({names}) VALUES ({marks})", list(figures.values()))
    await prober.commit()


async def look(prober: psycopg.AsyncConnection[Any], check: Check) -> ProbeResult:
    assert QUEUE.keep is not None
    result = await QUEUE.run(check)
    async with prober.transaction():
        await QUEUE.keep(prober, [Observed(check, 1, datetime.now(UTC), result)])
    return result


def row(monitor_id: int, seconds: float, depth: int | None = 5, **figures: Any) -> dict[str, Any]:
    return {"monitor_id": monitor_id, "at": NOON + timedelta(seconds=seconds), "depth": depth, **figures}


async def test_a_look_stores_the_sample_the_rollups_and_the_figures(prober: psycopg.AsyncConnection[Any]) -> None:
    await told(prober, depth=7, in_total=107, out_total=100, consumers=2)
    check = await queue()
    result = await look(prober, check)
    assert (result.result, result.reason) == (Result.OK, "flowing")
    state = await QueueState.objects.aget(monitor_id=check.monitor_id)
    assert (state.depth, state.word, state.consumers) == (7, "flowing", 2)
    assert await QueueSample.objects.acount() == 1
    assert await QueueTenSeconds.objects.acount() == await QueueMinute.objects.acount() == 1


async def test_a_replayed_batch_changes_nothing(prober: psycopg.AsyncConnection[Any]) -> None:
    rows = [row(1, second, depth=second, ack_rate=2.0) for second in range(20)]
    for expected in (20, 0):
        async with prober.transaction():
            assert await store_samples(prober, rows) == expected
    buckets = [bucket async for bucket in QueueTenSeconds.objects.order_by("bucket_at")]
    assert [(b.samples, b.rated, b.depth_min, b.depth_max, b.depth_last) for b in buckets] == [
        (10, 10, 0, 9, 9),
        (10, 10, 10, 19, 19),
    ]


async def test_a_late_sample_enters_its_bucket_and_is_not_its_last(prober: psycopg.AsyncConnection[Any]) -> None:
    for second, depth in ((5, 50), (9, 90), (7, 700)):
        async with prober.transaction():
            await store_samples(prober, [row(1, second, depth=depth, ingress_rate=float(depth))])
    bucket = await QueueTenSeconds.objects.aget()
    assert (bucket.depth_min, bucket.depth_max, bucket.depth_last) == (50, 700, 90)
    assert bucket.ingress_mean == pytest.approx(280)


async def test_null_stays_null_in_the_rollups(prober: psycopg.AsyncConnection[Any]) -> None:
    async with prober.transaction():
        await store_samples(prober, [row(1, 1, depth=None), row(1, 2, depth=3)])
        await store_samples(prober, [row(2, 1, depth=None)])
    first, second = [bucket async for bucket in QueueMinute.objects.order_by("monitor_id")]
    assert (first.depth_min, first.depth_last, first.ack_mean, first.rated) == (3, 3, None, 0)
    assert (second.depth_min, second.depth_max, second.depth_last) == (None, None, None)


async def test_one_lost_message_opens_a_finding_with_its_number(prober: psycopg.AsyncConnection[Any]) -> None:
    check = await queue(ledger=True)
    await told(prober, depth=10, in_total=100_000, out_total=99_989)
    for _ in range(2):
        result = await look(prober, check)
    assert (result.result, result.reason) == (Result.WARN, "unexplained_loss")
    finding = await Finding.objects.aget()
    assert (finding.kind, finding.subject, finding.detail["messages"]) == ("unexplained_loss", "outbound", 1)
    assert finding.title == "outbound: 1 message came in and neither went out nor waits."
    assert finding.ended_at is None


async def test_a_finding_opens_once_and_closes_when_it_is_over(prober: psycopg.AsyncConnection[Any]) -> None:
    check = await queue(evident_after="500ms")
    for step in range(3):
        await told(prober, depth=10 + step, in_total=100 + step, out_total=90, consumers=0)
        result = await look(prober, check)
        await prober.execute("SELECT pg_sleep(0.3)")
    assert (result.result, result.reason) == (Result.FAIL, "no_consumers")
    assert [finding.kind async for finding in Finding.objects.filter(ended_at=None)] == ["queue_stalled"]
    state = await QueueState.objects.aget()
    assert state.word == "stalled"
    for step in range(2):
        await told(prober, depth=11 - step, in_total=102, out_total=91 + step, consumers=1)
        await look(prober, check)
    finding = await Finding.objects.aget()
    assert finding.ended_at is not None
    assert finding.title == "outbound stalled: no consumers"


async def test_a_source_that_fails_keeps_what_was_known_and_closes_nothing(
    prober: psycopg.AsyncConnection[Any],
) -> None:
    check = await queue(ledger=True)
    await told(prober, depth=10, in_total=100, out_total=80)
    for _ in range(2):
        await look(prober, check)
    await prober.execute("DROP TABLE watched")
    await prober.commit()
    result = await look(prober, check)
    assert (result.result, result.reason) == (Result.UNKNOWN, "bad_query")
    assert "watched" in result.sentence
    state = await QueueState.objects.aget()
    assert state.depth == 10
    assert await Finding.objects.filter(ended_at=None).acount() == 1


async def test_a_prober_that_takes_over_knows_the_rates_and_the_ledger(prober: psycopg.AsyncConnection[Any]) -> None:
    assert QUEUE.warm is not None
    check = await queue(ledger=True)
    for total in (100, 110, 120):
        await told(prober, depth=9, in_total=total + 10, out_total=total)
        await look(prober, check)
    before = REMEMBERED.pop(check.monitor_id).memory
    async with prober.transaction():
        await QUEUE.warm(prober, [check])
    after = REMEMBERED[check.monitor_id].memory
    assert after.ledger == replace(before.ledger, tail=(), residual=None)
    assert after.ledger.missing == 1
    assert (after.ack_rate, after.run) == (before.ack_rate, before.run)


async def test_a_held_queue_is_late_on_purpose(prober: psycopg.AsyncConnection[Any]) -> None:
    check = await queue(evident_after="500ms")
    await told(prober, depth=10, in_total=100, out_total=90, consumers=0)
    await look(prober, check)
    await QueueState.objects.filter(monitor_id=check.monitor_id).aupdate(held_reason="drill")
    for _ in range(4):
        result = await look(prober, check)
        await prober.execute("SELECT pg_sleep(0.3)")
    assert (result.result, result.reason) == (Result.WARN, "offline_mode")


async def test_pushed_samples_wait_to_be_read_and_are_read_once(prober: psycopg.AsyncConnection[Any]) -> None:
    check = await queue(source="push", dsn=None, query=None)
    now = datetime.now(UTC)
    rows = [
        {"monitor_id": check.monitor_id, "at": (now - timedelta(seconds=age)).isoformat(), "depth": 4,
         "in_total": 100 - 10 * age, "out_total": 96 - 10 * age}
        for age in (3, 2, 1)
    ]  # fmt: skip
    assert await sync_to_async(store_pushed)(rows) == 3
    result = await look(prober, check)
    assert (result.result, result.reason) == (Result.OK, "flowing")
    assert await QueueSample.objects.filter(is_read=True).acount() == 3
    state = await QueueState.objects.aget()
    assert (state.depth, state.ack_rate, state.word) == (4, pytest.approx(10.0), "flowing")
    assert await sync_to_async(store_pushed)(rows) == 0
    late = [{**rows[0], "at": (now - timedelta(seconds=2.5)).isoformat(), "depth": 900}]
    await sync_to_async(store_pushed)(late)
    await look(prober, check)
    assert (await QueueState.objects.aget()).depth == 4
    assert max([bucket.depth_max or 0 async for bucket in QueueMinute.objects.all()]) == 900


async def test_holding_and_releasing_queues_is_written_with_its_reason(prober: psycopg.AsyncConnection[Any]) -> None:
    check = await queue()
    await sync_to_async(hold_queues)("drill", NOON)
    await told(prober, depth=1, in_total=1, out_total=0)
    await look(prober, check)
    assert REMEMBERED[check.monitor_id].context.held_reason == "drill"
    await sync_to_async(release_queues)()
    await look(prober, check)
    assert REMEMBERED[check.monitor_id].context.held_reason == ""


async def test_the_usual_rate_of_the_hour_is_learnt_from_the_days_before(prober: psycopg.AsyncConnection[Any]) -> None:
    check = await queue()
    now = datetime.now(UTC)
    for day in range(1, 4):
        for minute in range(-20, 20):
            at = now - timedelta(days=day) + timedelta(minutes=minute)
            await QueueMinute.objects.acreate(
                monitor_id=check.monitor_id, bucket_at=at, last_at=at, samples=1, rated=1, ack_mean=40.0 + day
            )
    await told(prober, depth=1, in_total=1, out_total=0)
    await look(prober, check)
    assert REMEMBERED[check.monitor_id].context.usual_ack_rate == pytest.approx(42.0)


async def test_an_answer_that_nobody_thought_of_is_unknown_and_ends_nothing(
    prober: psycopg.AsyncConnection[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    from monitors.probes import queue as kind

    async def astonishing(ask: object) -> list[object]:
        raise KeyError("lag")

    monkeypatch.setattr(kind, "look", astonishing)
    result = await look(prober, await queue())
    assert (result.result, result.reason) == (Result.UNKNOWN, "probe_error")
