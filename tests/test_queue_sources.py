"""Real queues of other kinds: Postfix, Redis streams and lists, NATS JetStream, Prometheus."""

from __future__ import annotations

import json
import smtplib
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import uuid4

import pytest
import redis as redis_client

from monitors.flow import Word
from monitors.queues import close
from monitors.queues.http import TROUBLES
from monitors.queues.source import MissingError, SourceError
from tests.peers import Nats, Postfix, Prometheus, Redis
from tests.queue_watch import Watch
from tests.waiting import wait_until


@pytest.fixture(autouse=True)
async def forget() -> AsyncIterator[None]:
    yield
    await close()
    TROUBLES.clear()


# Postfix


def send(postfix: Postfix, count: int) -> None:
    with smtplib.SMTP("127.0.0.1", postfix.port, timeout=10) as smtp:
        for number in range(count):
            smtp.sendmail("a@mail.test", ["b@elsewhere.test"], f"Subject: {number}\r\n\r\nhello\r\n")


async def test_a_real_postfix_queue_is_counted_and_its_deletions_are_not_taken_for_sent(postfix: Postfix) -> None:
    postfix.control("-d", "ALL")
    watched = Watch(source="postfix", config=str(postfix.configuration), log=str(postfix.directory / "postfix.log"))
    before = await watched.until(lambda w: w.error is None and w.last.depth == 0)
    assert before.word == Word.EMPTY
    came_in = watched.last.in_total or 0
    send(postfix, 5)
    await watched.until(lambda w: w.last.depth == 5 and w.last.in_total == came_in + 5, looks=6)
    assert watched.last.oldest_at is not None
    postfix.control("-d", "ALL")
    state = await watched.until(lambda w: w.last.depth == 0)
    assert state.residual == 5


async def test_mail_on_hold_waits_for_a_person_and_counts_only_when_named(postfix: Postfix) -> None:
    postfix.control("-d", "ALL")
    send(postfix, 3)
    postfix.control("-h", "ALL")
    options = {"source": "postfix", "config": str(postfix.configuration)}
    watched = Watch(**options)
    await watched.until(lambda w: w.last.depth == 0, looks=6)
    named = Watch(**options, queues=["deferred", "hold"])
    await named.until(lambda w: w.last.depth == 3)
    postfix.control("-d", "ALL")


async def test_a_postfix_that_is_not_there_is_said(tmp_path: Any) -> None:
    watched = Watch(source="postfix", config=str(tmp_path))
    await watched.look()
    assert watched.error is not None
    assert watched.error.reason == "postqueue_failed"


# Redis


@pytest.fixture
def redis(redis_server: Redis) -> Iterator[Any]:
    client = redis_client.Redis.from_url(redis_server.url, decode_responses=True)
    client.flushall()
    yield client
    client.close()


def stream(server: Redis, **more: Any) -> Watch:
    return Watch(0.1, source="redis", url=server.url, stream="mail", group="senders", **more)


async def test_a_redis_stream_is_followed_from_entry_to_acknowledgement(redis_server: Redis, redis: Any) -> None:
    redis.xgroup_create("mail", "senders", id="0", mkstream=True)
    watched = stream(redis_server)
    assert (await watched.look()).word == Word.EMPTY
    for _ in range(10):
        redis.xadd("mail", {"to": "b@elsewhere.test"})
    await watched.look()
    assert (watched.last.depth, watched.last.in_total, watched.last.out_total, watched.last.consumers) == (10, 10, 0, 0)
    taken = redis.xreadgroup("senders", "one", {"mail": ">"}, count=6)
    await watched.look()
    assert (watched.last.depth, watched.last.in_flight) == (10, 6)
    redis.xack("mail", "senders", *[entry for entry, _ in taken[0][1]])
    state = await watched.look()
    assert (watched.last.depth, watched.last.out_total, watched.last.in_flight) == (4, 6, 0)
    assert state.residual == 0


async def test_a_lag_that_redis_does_not_know_is_counted(redis_server: Redis, redis: Any) -> None:
    """XDEL of an entry that was not delivered makes `lag` null: the entry is lost, the others still wait."""
    redis.xgroup_create("mail", "senders", id="0", mkstream=True)
    entries = [redis.xadd("mail", {"n": number}) for number in range(10)]
    redis.xreadgroup("senders", "one", {"mail": ">"}, count=2)
    watched = stream(redis_server)
    await watched.look()
    redis.xdel("mail", entries[5])
    assert redis.xinfo_groups("mail")[0]["lag"] is None
    state = await watched.look()
    assert (watched.last.depth, state.residual) == (9, 1)


async def test_entries_trimmed_before_delivery_are_missed(redis_server: Redis, redis: Any) -> None:
    """XTRIM leaves `lag` too large: 30 while 10 are there."""
    redis.xgroup_create("mail", "senders", id="0", mkstream=True)
    for number in range(30):
        redis.xadd("mail", {"n": number})
    watched = stream(redis_server)
    await watched.look()
    redis.xtrim("mail", maxlen=10, approximate=False)
    state = await watched.look()
    assert (watched.last.depth, state.residual) == (10, 20)


async def test_a_group_that_does_not_exist_is_missing(redis_server: Redis, redis: Any) -> None:
    redis.xadd("mail", {"n": 1})
    watched = stream(redis_server)
    await watched.look()
    assert isinstance(watched.error, MissingError)
    redis.delete("mail")
    await watched.look()
    assert watched.error.reason == "stream_missing"


async def test_a_redis_list_has_a_depth_and_no_totals(redis_server: Redis, redis: Any) -> None:
    redis.rpush("mail", *range(7))
    redis.rpush("mail:taken", 1, 2)
    watched = Watch(source="redis", url=redis_server.url, list="mail", processing="mail:taken")
    state = await watched.look()
    assert (watched.last.depth, watched.last.in_flight, watched.last.out_total) == (9, 2, None)
    assert (state.ack_rate, state.residual) == (None, None)


# NATS


class NatsClient:
    """The few words of NATS' text protocol that JetStream needs."""

    def __init__(self, server: Nats) -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=5)
        self.lines = self.socket.makefile("rb")
        self.lines.readline()  # INFO
        self.inbox = f"_INBOX.{uuid4().hex}"
        self.send(b'CONNECT {"verbose": false}\r\nSUB %s 1\r\n' % self.inbox.encode())

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def ask(self, subject: str, body: Any = "") -> tuple[str, bytes]:
        """Publish with a reply address; the reply's own reply address and its body."""
        text = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send(b"PUB %s %s %d\r\n%s\r\n" % (subject.encode(), self.inbox.encode(), len(text), text))
        while not (line := self.lines.readline()).startswith(b"MSG"):
            assert line
        words = line.split()
        answer = self.lines.read(int(words[-1]))
        self.lines.readline()
        return words[3].decode() if len(words) == 5 else "", answer

    def close(self) -> None:
        self.lines.close()
        self.socket.close()


@pytest.fixture
def jetstream(nats: Nats) -> Iterator[NatsClient]:
    client = NatsClient(nats)
    stream = {"name": "MAIL", "subjects": ["mail"], "retention": "workqueue", "storage": "memory"}
    client.ask("$JS.API.STREAM.CREATE.MAIL", stream)
    durable = {"durable_name": "senders", "ack_policy": "explicit"}
    client.ask("$JS.API.CONSUMER.DURABLE.CREATE.MAIL.senders", {"stream_name": "MAIL", "config": durable})
    yield client
    client.ask("$JS.API.STREAM.DELETE.MAIL")
    client.close()


async def test_a_nats_consumer_is_followed_from_message_to_acknowledgement(nats: Nats, jetstream: NatsClient) -> None:
    watched = Watch(0.2, source="nats", url=nats.monitoring_url, stream="MAIL", consumer="senders")
    for _ in range(5):
        jetstream.ask("mail", "hello")
    await watched.until(lambda w: w.error is None and w.last.depth == 5)
    assert (watched.last.in_total, watched.last.out_total, watched.last.in_flight) == (5, 0, 0)
    assert watched.last.oldest_at is not None
    reply, body = jetstream.ask("$JS.API.CONSUMER.MSG.NEXT.MAIL.senders", "1")
    assert body == b"hello"
    await watched.until(lambda w: w.last.in_flight == 1)
    assert watched.last.depth == 5
    jetstream.send(b"PUB %s 4\r\n+ACK\r\n" % reply.encode())
    state = await watched.until(lambda w: w.last.depth == 4)
    assert (watched.last.out_total, state.residual) == (1, 0)


async def test_a_nats_consumer_that_does_not_exist_is_missing(nats: Nats, jetstream: NatsClient) -> None:
    watched = Watch(source="nats", url=nats.monitoring_url, stream="MAIL", consumer="nobody")
    await watched.look()
    assert isinstance(watched.error, MissingError)
    assert watched.error.reason == "consumer_missing"


# Prometheus


async def test_prometheus_is_asked_and_an_empty_result_is_unknown(prometheus: Prometheus) -> None:
    watched = Watch(
        0.2,
        source="prometheus",
        url=prometheus.url,
        query={
            "depth": "scalar(count(up))",
            "in_total": "sum(prometheus_http_requests_total)",
            "out_total": "sum(no_such_series)",
            "consumers": "0/0 * sum(up)",
        },
    )
    wait_until(prometheus.is_ready)
    await watched.until(lambda w: w.error is None and w.last.depth == 1 and w.last.in_total is not None, looks=30)
    assert (watched.last.out_total, watched.last.consumers) == (None, None)
    assert watched.state.residual is None


async def test_nothing_told_at_all_is_a_failure_of_the_source(prometheus: Prometheus) -> None:
    watched = Watch(source="prometheus", url=prometheus.url, query={"depth": "no_such_series"})
    await watched.look()
    assert isinstance(watched.error, SourceError)
    assert watched.error.reason == "empty_result"


async def test_many_series_are_not_guessed_together(prometheus: Prometheus) -> None:
    watched = Watch(
        source="prometheus",
        url=prometheus.url,
        query={"depth": 'vector(1) or label_replace(vector(2), "a", "b", "", "")'},
    )
    await watched.look()
    assert watched.error is not None
    assert watched.error.reason == "many_series"


async def test_an_exporters_page_is_read_straight(prometheus: Prometheus) -> None:
    watched = Watch(
        0.2,
        source="prometheus",
        url=f"{prometheus.url}/metrics",
        series={"in_total": 'prometheus_http_requests_total{handler="/metrics"}', "depth": "no_such_series"},
    )
    await watched.until(lambda w: w.error is None and w.last.in_total is not None, looks=30)
    assert watched.last.depth is None
