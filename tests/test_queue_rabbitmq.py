"""A real RabbitMQ: every trouble of a queue is seen for what it is within three polls.

A poll is one look of the schedule, and the schedule's interval is the broker's `collect_statistics_interval`: 1 s
here, 5 s by RabbitMQ's default (`RABBITMQ_STATISTICS_S=5` tells this file to use that, and takes five times as
long). The trouble falls right after a poll; the three that count come one, two and three intervals later. Before
it, the queue is watched until its counters are told. A broker that is down is polled too, and told as
unreachable; the polls that count for its restart begin when it answers again. Asked more often than the
statistics are renewed, what rests on counters or consumers takes more polls, and not less time.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import pika
import pytest

from monitors.flow import Word
from monitors.queues.http import SHARED, TROUBLES
from monitors.queues.source import MissingError, RefusedError, UnreachableError
from tests.peers import RabbitMQ
from tests.peers.rabbitmq import STATISTICS_S
from tests.queue_watch import Watch
from tests.waiting import wait_until

pytestmark = pytest.mark.xdist_group("rabbitmq")

INTERVAL_S = float(STATISTICS_S)
SETTLED = 10
"""Looks until counters are told of what was done before, which is no trouble yet."""


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("RABBIT_AUTH", "guest:guest")
    yield
    SHARED.clear()
    TROUBLES.clear()


class Client:
    """A publisher and consumer over AMQP."""

    def __init__(self, broker: RabbitMQ, queue: str) -> None:
        self.queue = queue
        self.taken = 0
        self.acknowledges = True
        self.connection = pika.BlockingConnection(pika.URLParameters(broker.url))
        self.channel = self.connection.channel()
        self.channel.queue_declare(queue, durable=True)

    def publish(self, count: int, *, persistent: bool = True) -> None:
        properties = pika.BasicProperties(delivery_mode=2 if persistent else 1)
        self.channel.confirm_delivery()
        for _ in range(count):
            self.channel.basic_publish("", self.queue, b"mail", properties)

    def consume(self, prefetch: int = 50) -> None:
        def take(channel: Any, method: Any, properties: Any, body: bytes) -> None:
            self.taken += 1
            if self.acknowledges:
                channel.basic_ack(method.delivery_tag)

        self.channel.basic_qos(prefetch_count=prefetch)
        self.channel.basic_consume(self.queue, take)

    def work(self, until: int) -> None:
        """Take messages until so many were taken in all; acknowledgements leave with the next step."""
        wait_until(lambda: self.connection.process_data_events(0) or self.taken >= until)
        self.connection.process_data_events(0)

    def close(self) -> None:
        if self.connection.is_open:
            self.connection.close()


@pytest.fixture
def queue() -> str:
    return f"outbound/{uuid4().hex[:8]}"


@pytest.fixture
def client(rabbitmq: RabbitMQ, queue: str) -> Iterator[Client]:
    client = Client(rabbitmq, queue)
    yield client
    client.close()


def watch(broker: RabbitMQ, queue: str, policy: dict[str, Any] | None = None) -> Watch:
    return Watch(
        INTERVAL_S,
        policy=policy,
        source="rabbitmq",
        url=broker.management_url,
        queue=queue,
        auth={"env": "RABBIT_AUTH"},
        refresh=f"{STATISTICS_S}s",
    )


async def test_publishing_and_acknowledging_are_counted(rabbitmq: RabbitMQ, queue: str, client: Client) -> None:
    watched = watch(rabbitmq, queue)
    state = await watched.look()
    assert state.word == Word.EMPTY
    assert (watched.last.in_total, watched.last.out_total) == (None, None)
    client.publish(20)
    await watched.poll(lambda w: w.last.depth == 20 and w.last.in_total == 20)
    client.consume()
    client.work(until=20)
    await watched.poll(lambda w: w.last.depth == 0 and w.last.out_total == 20 and w.last.consumers == 1)
    client.publish(30)
    client.work(until=50)
    state = await watched.poll(lambda w: w.last.out_total == 50)
    assert (state.ack_rate or 0) > 0
    assert state.missing == 0
    assert not watched.events


async def test_depth_and_in_flight_are_told_at_once(rabbitmq: RabbitMQ, queue: str, client: Client) -> None:
    watched = watch(rabbitmq, queue)
    client.publish(60)
    await watched.look()
    assert (watched.last.depth, watched.last.in_flight) == (60, 0)
    client.acknowledges = False
    client.consume(prefetch=50)
    client.work(until=50)
    SHARED.clear()
    await watched.look()
    assert (watched.last.depth, watched.last.in_flight) == (60, 50)


async def test_a_quorum_queue_is_read_from_the_statistics(rabbitmq: RabbitMQ, queue: str, client: Client) -> None:
    client.channel.queue_declare(f"{queue}.q", durable=True, arguments={"x-queue-type": "quorum"})
    client.queue = f"{queue}.q"
    client.publish(10)
    watched = watch(rabbitmq, client.queue)
    await watched.look()
    assert watched.last.depth != 0, "a queue that has not reported yet must not be told as empty"
    # It reports on a tick of its own, every 5 s, whatever the broker's interval of statistics.
    await watched.until(lambda w: w.last.depth == 10, looks=SETTLED)


async def test_a_killed_consumer_is_a_stall_without_consumers(rabbitmq: RabbitMQ, queue: str, client: Client) -> None:
    consumer = Client(rabbitmq, queue)
    consumer.consume()
    client.publish(10)
    consumer.work(until=10)
    watched = watch(rabbitmq, queue)
    await watched.until(lambda w: w.last.consumers == 1 and w.last.out_total == 10, looks=SETTLED)
    consumer.close()
    client.publish(25)
    state = await watched.poll(lambda w: w.state.word == Word.STALLED)
    assert state.cause == "no_consumers"
    assert "25 waiting" in state.sentence


async def test_a_consumer_that_does_not_acknowledge_is_stuck(rabbitmq: RabbitMQ, queue: str, client: Client) -> None:
    consumer = Client(rabbitmq, queue)
    consumer.consume(prefetch=50)
    client.publish(20)
    consumer.work(until=20)
    watched = watch(rabbitmq, queue, policy={"stall_after_s": 2 * INTERVAL_S})
    await watched.until(lambda w: w.last.consumers == 1 and w.last.out_total == 20, looks=SETTLED)
    consumer.acknowledges = False
    client.publish(100)
    consumer.work(until=70)
    state = await watched.poll(lambda w: w.state.word == Word.STALLED)
    assert state.cause == "stuck_consumer"
    assert (watched.last.in_flight, watched.last.depth) == (50, 100)
    consumer.close()


async def test_a_memory_alarm_blocks_publishers(rabbitmq: RabbitMQ, queue: str, client: Client) -> None:
    watched = watch(rabbitmq, queue)
    await watched.look()
    rabbitmq.control("set_vm_memory_high_watermark", "0.00001")
    try:
        state = await watched.poll(lambda w: w.state.word == Word.STALLED)
    finally:
        rabbitmq.control("set_vm_memory_high_watermark", "0.4")
    assert state.cause == "publishers_blocked"
    assert "memory alarm on peer@localhost" in state.sentence
    await watched.poll(lambda w: w.state.word == Word.EMPTY)


async def test_messages_lost_in_a_restart_are_found_and_none_where_all_were_kept(
    rabbitmq: RabbitMQ, queue: str, client: Client
) -> None:
    """The other queue is drained before the broker counts again: its depth tells so at once, its counters later."""
    client.publish(100, persistent=False)
    client.publish(40)
    durable = Client(rabbitmq, f"{queue}.durable")
    durable.publish(140)
    losing, keeping = watch(rabbitmq, queue), watch(rabbitmq, durable.queue)
    for watched in (losing, keeping):
        await watched.until(lambda w: w.last.depth == 140 and w.last.in_total == 140, looks=SETTLED)
    client.close()
    durable.close()
    rabbitmq.halt()
    for _ in range(4):
        await losing.look()
        assert isinstance(losing.error, UnreachableError)
    rabbitmq.resume()
    consumer = Client(rabbitmq, durable.queue)
    consumer.consume()
    consumer.work(until=140)
    state, _ = await asyncio.gather(
        losing.poll(lambda w: w.state.missing != 0), keeping.poll(lambda w: w.last.out_total == 140)
    )
    assert losing.last.depth == 40
    assert state.missing == 100
    assert state.is_upper_bound
    assert [event.kind for event in losing.events] == ["counter_reset"]
    await keeping.poll(lambda w: w.state.residual == 0)
    assert keeping.state.missing == 0
    consumer.close()


async def test_a_queue_deleted_is_missing_and_recreated_is_a_reset(
    rabbitmq: RabbitMQ, queue: str, client: Client
) -> None:
    client.publish(50)
    watched = watch(rabbitmq, queue)
    await watched.until(lambda w: w.last.depth == 50 and w.last.in_total == 50, looks=SETTLED)
    client.channel.queue_delete(queue)
    await watched.poll(lambda w: isinstance(w.error, MissingError))
    assert watched.error is not None
    assert watched.error.reason == "queue_missing"
    client.channel.queue_declare(queue, durable=True)
    await watched.poll(lambda w: bool(w.events) and w.state.missing == 50)
    assert [event.kind for event in watched.events] == ["counter_reset"]


async def test_a_purge_is_mail_that_left_without_being_acknowledged(
    rabbitmq: RabbitMQ, queue: str, client: Client
) -> None:
    client.publish(50)
    watched = watch(rabbitmq, queue)
    await watched.until(lambda w: w.last.depth == 50 and w.state.residual == 0, looks=SETTLED)
    client.channel.queue_purge(queue)
    state = await watched.poll(lambda w: w.last.depth == 0)
    assert state.residual == 50


async def test_many_queues_of_a_virtual_host_are_one_request(
    rabbitmq: RabbitMQ, queue: str, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    from monitors.queues import rabbitmq as source

    names = [f"{queue}.{number}" for number in range(20)]
    for name in names:
        client.channel.queue_declare(name, durable=True)
    watches = [watch(rabbitmq, name) for name in names]
    # The first to ask knows the names of those before it only: once all are known, one question serves all.
    await asyncio.gather(*(watched.look() for watched in watches))
    asked = []
    fetch = source.fetch_json

    async def counting(request: Any, deadline_s: float) -> Any:
        asked.append(request.url)
        return await fetch(request, deadline_s)

    monkeypatch.setattr(source, "fetch_json", counting)
    SHARED.clear()
    await asyncio.gather(*(watched.look() for watched in watches))
    assert [watched.last.depth for watched in watches] == [0] * 20
    assert len([url for url in asked if "/api/queues/" in url]) == 2  # statistics, and depths of now
    assert len(asked) == 4


async def test_wrong_credentials_are_told_apart(
    rabbitmq: RabbitMQ, queue: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RABBIT_AUTH", "guest:wrong")
    watched = watch(rabbitmq, queue)
    await watched.look()
    assert isinstance(watched.error, RefusedError)
    assert watched.error.reason == "unauthorised"


@pytest.fixture(autouse=True)
async def forget() -> AsyncIterator[None]:
    from monitors.queues import close
    from monitors.queues.rabbitmq import WATCHED

    yield
    WATCHED.clear()
    await close()
