"""Sources behind HTTP that fail in every way, and those that have no real peer here: KumoMTA and SQS."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from pydantic import ValidationError

from monitors.flow import Word
from monitors.queues import QueueOptions, close
from monitors.queues.http import TROUBLES
from monitors.queues.source import whole
from tests.queue_watch import Watch

Handler = Callable[[BaseHTTPRequestHandler], None]


class Scripted:
    """An HTTP server that answers what the test says, and counts."""

    def __init__(self) -> None:
        self.answer: Handler = lambda request: reply(request, b"{}")
        self.asked = 0
        scripted = self

        class Request(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                scripted.asked += 1
                scripted.answer(self)

            do_POST = do_GET  # noqa: N815 - the name that http.server looks for

            def log_message(self, *words: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Request)
        self.server.daemon_threads = True
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


def reply(request: BaseHTTPRequestHandler, body: bytes, status: int = 200) -> None:
    request.send_response(status)
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


@pytest.fixture
def server() -> Iterator[Scripted]:
    scripted = Scripted()
    yield scripted
    scripted.stop()


@pytest.fixture(autouse=True)
async def forget() -> AsyncIterator[None]:
    yield
    await close()
    TROUBLES.clear()


def watch(server: Scripted, **more: Any) -> Watch:
    watched = Watch(0.01, source="kumomta", **{"url": server.url, **more})
    watched.ask = type(watched.ask)(1, watched.options, 0.5, 1e-9)
    return watched


def drip(request: BaseHTTPRequestHandler) -> None:
    request.send_response(200)
    request.end_headers()
    for _ in range(100):
        try:
            request.wfile.write(b" ")
            request.wfile.flush()
        except OSError:
            return
        time.sleep(0.02)  # the misbehaviour itself: one byte at a time


def hang_up(request: BaseHTTPRequestHandler) -> None:
    request.close_connection = True
    request.connection.close()


TROUBLED = [
    pytest.param(lambda r: reply(r, b"nope"), "not_json", id="no JSON"),
    pytest.param(lambda r: reply(r, b"[1, 2"), "not_json", id="cut off JSON"),
    pytest.param(lambda r: reply(r, b"\xff\xfe\x00"), "not_json", id="no text"),
    pytest.param(lambda r: reply(r, b"[]"), "unexpected_shape", id="another JSON"),
    pytest.param(lambda r: reply(r, b"{}"), "unexpected_shape", id="empty JSON"),
    pytest.param(lambda r: reply(r, b"who are you", 401), "unauthorised", id="401"),
    pytest.param(lambda r: reply(r, b"", 403), "unauthorised", id="403"),
    pytest.param(lambda r: reply(r, b"", 404), "missing", id="404"),
    pytest.param(lambda r: reply(r, b"", 302), "unexpected_status", id="redirect"),
    pytest.param(lambda r: reply(r, b"oh no", 500), "server_error", id="500"),
    pytest.param(lambda r: reply(r, b"", 503), "server_error", id="503"),
    pytest.param(drip, "timeout", id="one byte at a time"),
    pytest.param(hang_up, "unreachable", id="hangs up"),
    pytest.param(lambda r: r.wfile.write(b"220 mx ESMTP\r\n"), "unreachable", id="another protocol"),
]


@pytest.mark.parametrize(("answer", "reason"), TROUBLED)
async def test_every_failure_has_a_reason_and_a_sentence_in_time(
    server: Scripted, answer: Handler, reason: str
) -> None:
    server.answer = answer
    watched = watch(server)
    started = time.monotonic()
    state = await watched.look()
    assert time.monotonic() - started < 1.0
    assert watched.error is not None
    assert watched.error.reason == reason
    assert watched.error.sentence.endswith(".")
    assert state.word == Word.UNKNOWN


async def test_nobody_listening_is_unreachable() -> None:
    watched = Watch(0.01, source="kumomta", url="http://127.0.0.1:9")
    await watched.look()
    assert watched.error is not None
    assert watched.error.reason == "unreachable"
    assert "refused" in watched.error.sentence.lower()


async def test_a_source_that_keeps_failing_is_left_alone_for_a_while(server: Scripted) -> None:
    server.answer = lambda request: reply(request, b"", 500)
    watched = watch(server)
    for _ in range(10):
        await watched.look()
        assert watched.error is not None
    assert server.asked == 3
    TROUBLES.clear()
    server.answer = lambda request: reply(request, json.dumps(KUMO).encode())
    await watched.until(lambda w: w.error is None)


def labelled(name: str, **values: float) -> dict[str, Any]:
    return {"help": "", "type": "gauge", "value": {name: values}}


KUMO: dict[str, Any] = {
    "scheduled_count_total": {"help": "", "type": "gauge", "value": 40.0},
    "scheduled_count": {"help": "", "type": "gauge", "value": {"queue": {"bulk@example.com": 30.0}}},
    "ready_count": labelled("service", smtp_client=2.0),
    "total_messages_received": labelled("service", esmtp_listener=900.0, http_listener=100.0),
    "total_messages_delivered": labelled("service", smtp_client=950.0),
    "total_messages_fail": labelled("service", smtp_client=8.0),
    "total_messages_transfail": labelled("service", smtp_client=5_000.0),
}


async def test_kumomta_tells_of_the_node(server: Scripted) -> None:
    server.answer = lambda request: reply(request, json.dumps(KUMO).encode())
    watched = watch(server)
    await watched.look()
    told = watched.last
    assert (told.depth, told.in_total, told.out_total, told.in_flight) == (42, 1_000, 958, 2)
    assert told.delivered_total == 950


async def test_a_kumomta_queue_that_was_pruned_is_empty_and_its_node_begins_again(server: Scripted) -> None:
    server.answer = lambda request: reply(request, json.dumps(KUMO).encode())
    node, queue = watch(server), watch(server, queue="bulk@example.com")
    await node.look()
    await queue.look()
    assert queue.last.depth == 30
    pruned = {"scheduled_count_total": {"value": 42.0}}
    server.answer = lambda request: reply(request, json.dumps(pruned).encode())
    await node.until(lambda w: w.last.in_total is None)
    await queue.until(lambda w: w.last.depth == 0)
    assert [event.kind for event in node.events] == ["counter_reset"]
    assert node.state.ack_rate is None


async def test_sqs_counts_what_is_visible_taken_and_delayed(server: Scripted, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("boto3")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    counts = {"ApproximateNumberOfMessages": "5", "ApproximateNumberOfMessagesNotVisible": "2"}
    server.answer = lambda request: reply(request, json.dumps({"Attributes": counts}).encode())
    options = {"queue_url": f"{server.url}/1/mail", "region": "eu-west-1", "endpoint": server.url}
    watched = Watch(source="sqs", **options)
    state = await watched.look()
    assert watched.error is None
    assert (watched.last.depth, watched.last.in_flight, state.ack_rate) == (7, 2, None)


async def test_a_source_that_fails_three_times_is_left_alone_for_a_while(server: Scripted) -> None:
    server.answer = lambda request: reply(request, b"overloaded", status=503)
    watched = watch(server)
    for _ in range(5):
        await watched.look()
        assert watched.error is not None
        assert watched.error.reason == "server_error"
    assert server.asked == 3


async def test_a_source_that_refused_is_asked_at_each_look_and_seen_when_it_is_back(server: Scripted) -> None:
    server.answer = lambda request: reply(request, json.dumps(KUMO).encode())
    with socket.socket() as taken:  # bound and not listening: connections are refused, and nobody else gets the port
        taken.bind(("127.0.0.1", 0))
        watched = watch(server, url=f"http://127.0.0.1:{taken.getsockname()[1]}")
        for _ in range(5):
            await watched.look()
            assert watched.error is not None
            assert watched.error.reason == "unreachable"
        taken.listen()
        taken.settimeout(5)
        forwarding = threading.Thread(target=forward, args=(taken, server.server.server_port))
        forwarding.start()
        await watched.look()
        forwarding.join()
    assert watched.error is None
    assert watched.last.depth == 42


def forward(listening: socket.socket, port: int) -> None:
    """Carry one question to the server, and its answer back."""
    asking, _ = listening.accept()
    with asking, socket.create_connection(("127.0.0.1", port)) as answering:
        answering.sendall(asking.recv(65_536))
        answering.shutdown(socket.SHUT_WR)
        while part := answering.recv(65_536):
            asking.sendall(part)


WRONG = [
    pytest.param({"source": "carrier-pigeon"}, "source", id="unknown source"),
    pytest.param({"source": "sql", "dsn": "postgresql://u:secret@db/x", "query": "select 1"}, "dsn", id="password"),
    pytest.param({"source": "redis", "url": "redis://:secret@db/0", "list": "x"}, "url", id="password in a URL"),
    pytest.param({"source": "redis", "stream": "x"}, "redis", id="stream without group"),
    pytest.param({"source": "prometheus", "url": "http://x"}, "prometheus", id="nothing asked"),
    pytest.param(
        {"source": "prometheus", "url": "http://x", "series": {"depth": "a{b=~'c'}"}}, "depth", id="no series"
    ),
    pytest.param({"source": "rabbitmq", "url": "http://x", "queue": "q", "vhots": "/"}, "vhots", id="unknown key"),
    pytest.param({"source": "push", "stall_after": "soon"}, "stall_after", id="no duration"),
]


@pytest.mark.parametrize(("options", "where"), WRONG)
def test_wrong_options_are_refused_by_name(options: dict[str, Any], where: str) -> None:
    with pytest.raises(ValidationError) as refused:
        QueueOptions.model_validate(options)
    assert where in str(refused.value)


@pytest.mark.parametrize(
    ("told", "count"),
    [
        pytest.param("12", 12, id="digits"),
        pytest.param(2**60, 2**60, id="the most"),
        pytest.param(2**63, None, id="sums beyond 64 bits"),
        pytest.param(10**400, None, id="beyond any float"),
        pytest.param(1e300, None, id="a float beyond 64 bits"),
        pytest.param("NaN", None, id="NaN"),
        pytest.param("inf", None, id="infinite"),
        pytest.param(None, None, id="absent"),
    ],
)
def test_a_count_that_the_database_cannot_hold_is_not_told(told: object, count: int | None) -> None:
    assert whole(told) == count
