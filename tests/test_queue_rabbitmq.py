"""A real RabbitMQ: every trouble of a queue is seen for what it is, within three looks unless a test allows more."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import pika
import pytest

from monitors.flow import Word
from monitors.queues.http import SHARED, TROUBLES
from monitors.queues.source import MissingError, RefusedError, UnreachableError
from tests.peers import RabbitMQ
from tests.queue_watch import Watch
from tests.waiting import wait_until

pytestmark = pytest.mark.xdist_group("rabbitmq")

INTERVAL_S = 1.0


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
        self.connection = pika.BlockingConnection(pika.URLParameters(broker.url))
        self.channel = self.connection.channel()
        self.channel.queue_declare(queue, durable=True)

    def publish(self, count: int, *, persistent: bool = True) -> None:
        properties = pika.BasicProperties(delivery_mode=2 if persistent else 1)
        self.channel.confirm_delivery()
        for _ in range(count):
            self.channel.basic_publish("", self.queue, b"mail", properties)

    def consume(self, prefetch: int = 50, *, ack: bool = True) -> None:
        def take(channel: Any, method: Any, properties: Any, body: bytes) -> None:
            self.taken += 1
            if ack:
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


def watch(broker: RabbitMQ, queue: str, **options: Any) -> Watch:
    return Watch(
        INTERVAL_S,
        source="rabbitmq",
        url=broker.management_url,
        queue=queue,
        auth={"env": "RABBIT_AUTH"},
        refresh="1s",
        **options,
    )


async def test_publishing_and_acknowledging_are_counted(rabbitmq: RabbitMQ, queue: str, client: Client) -> None:
    watched = watch(rabbitmq, queue)
    state = await watched.until(lambda w: w.last.depth == 0)
    assert state.word == Word.EMPTY
    assert (watched.last.in_total, watched.last.out_total) == (None, None)
    client.publish(20)
    await watched.until(lambda w: w.last.depth == 20 and w.last.in_total == 20)
    client.consume()
    client.work(until=20)
    await watched.until(lambda w: w.last.depth == 0 and w.last.out_total == 20 and w.last.consumers == 1)
    client.publish(30)
    client.work(until=50)
    state = await watched.until(lambda w: w.last.out_total == 50)
    assert (state.ack_rate or 0) > 0
    assert state.missing == 0
    assert not watched.events


async def test_a_killed_consumer_is_a_stall_without_consumers(rabbitmq: RabbitMQ, queue: str, client: Client) -> None:
    consumer = Client(rabbitmq, queue)
    consumer.consume()
    client.publish(10)
    consumer.work(until=10)
    watched = watch(rabbitmq, queue)
    await watched.until(lambda w: w.last.consumers == 1)
    consumer.close()
    client.publish(25)
    state = await watched.until(lambda w: w.state.word == Word.STALLED)
    assert state.cause == "no_consumers"
    assert "25 waiting" in state.sentence


async def test_a_consumer_that_does_not_acknowledge_is_stuck(rabbitmq: RabbitMQ, queue: str, client: Client) -> None:
    client.publish(100)
    client.consume(prefetch=50, ack=False)
    client.work(until=50)
    watched = watch(rabbitmq, queue, stall_after="2s")
    watched.policy = type(watched.policy)(interval_s=INTERVAL_S, stall_after_s=2, refresh_s=1, is_gone_reset=True)
    state = await watched.until(lambda w: w.state.word == Word.STALLED, looks=6)
    assert state.cause == "stuck_consumer"
    assert (watched.last.in_flight, watched.last.depth) == (50, 100)


async def test_a_memory_alarm_blocks_publishers(rabbitmq: RabbitMQ, queue: str, client: Client) -> None:
    watched = watch(rabbitmq, queue)
    await watched.look()
    rabbitmq.control("set_vm_memory_high_watermark", "0.00001")
    try:
        state = await watched.until(lambda w: w.state.word == Word.STALLED)
    finally:
        rabbitmq.control("set_vm_memory_high_watermark", "0.4")
    assert state.cause == "publishers_blocked"
    assert "memory alarm on peer@localhost" in state.sentence
    await watched.until(lambda w: w.state.word == Word.EMPTY, looks=5)


async def test_messages_lost_in_a_restart_are_found(rabbitmq: RabbitMQ, queue: str, client: Client) -> None:
    broker = rabbitmq
    client.publish(100, persistent=False)
    client.publish(40)
    watched = watch(broker, queue)
    await watched.until(lambda w: w.last.depth == 140)
    client.close()
    broker.halt()
    await watched.look()
    assert isinstance(watched.error, UnreachableError)
    broker.resume()
    TROUBLES.clear()
    # Right after its start the broker answers, and does not tell depths yet: unknown, not empty.
    await watched.until(lambda w: w.error is None and w.last.depth is not None, looks=8)
    state = await watched.until(lambda w: w.state.missing != 0 and w.error is None, looks=3)
    assert state.missing == 100
    assert state.is_upper_bound
    assert [event.kind for event in watched.events] == ["counter_reset"]


async def test_a_queue_deleted_is_missing_and_recreated_is_a_reset(
    rabbitmq: RabbitMQ, queue: str, client: Client
) -> None:
    client.publish(50)
    watched = watch(rabbitmq, queue)
    await watched.until(lambda w: w.last.depth == 50 and w.last.in_total == 50)
    client.channel.queue_delete(queue)
    await watched.until(lambda w: isinstance(w.error, MissingError))
    assert watched.error is not None
    assert watched.error.reason == "queue_missing"
    client.channel.queue_declare(queue, durable=True)
    await watched.until(lambda w: bool(w.events) and w.state.missing == 50, looks=4)
    assert [event.kind for event in watched.events] == ["counter_reset"]


async def test_a_purge_is_mail_that_left_without_being_acknowledged(
    rabbitmq: RabbitMQ, queue: str, client: Client
) -> None:
    client.publish(50)
    watched = watch(rabbitmq, queue)
    await watched.until(lambda w: w.last.depth == 50 and w.state.residual == 0, looks=5)
    client.channel.queue_purge(queue)
    state = await watched.until(lambda w: w.last.depth == 0)
    assert state.residual == 50


async def test_many_queues_of_a_virtual_host_are_one_request(
    rabbitmq: RabbitMQ, queue: str, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    import asyncio

    from monitors.queues import rabbitmq as source

    names = [f"{queue}.{number}" for number in range(20)]
    for name in names:
        client.channel.queue_declare(name, durable=True)
    watches = [watch(rabbitmq, name) for name in names]
    await asyncio.gather(*(watched.until(lambda w: w.last.depth == 0) for watched in watches))
    asked = []
    fetch = source.fetch_json

    async def counting(request: Any, deadline_s: float) -> Any:
        asked.append(request.url)
        return await fetch(request, deadline_s)

    monkeypatch.setattr(source, "fetch_json", counting)
    SHARED.clear()
    await asyncio.gather(*(watched.look() for watched in watches))
    assert [watched.last.depth for watched in watches] == [0] * 20
    assert len([url for url in asked if "/api/queues/" in url]) == 1
    assert len(asked) == 3


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
