"""A request that carries too much is refused early, by a real server, with the right status."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator

import pytest
import uvicorn
from websockets.sync.client import connect

from statuspage import limits
from statuspage.limits import BoundedBody, BoundedHttp
from tests.waiting import wait_until


async def echo(scope: object, receive: object, send: object) -> None:
    """Answers with the number of bytes that it received; silent when the client went away."""
    received = 0
    if scope["type"] == "websocket":  # type: ignore[index]
        await send({"type": "websocket.accept"})  # type: ignore[operator]
        await asyncio.sleep(0.6)
        await send({"type": "websocket.send", "text": "still here"})  # type: ignore[operator]
        return
    if scope["path"] == "/slow":  # type: ignore[index]
        await asyncio.sleep(0.6)
    while True:
        message = await receive()  # type: ignore[operator]
        if message["type"] == "http.disconnect":
            return
        received += len(message["body"])
        if not message.get("more_body"):
            break
    body = str(received).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})  # type: ignore[operator]
    await send({"type": "http.response.body", "body": body})  # type: ignore[operator]


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    app = BoundedBody(echo)  # type: ignore[arg-type]
    server = uvicorn.Server(
        uvicorn.Config(app, port=0, http=BoundedHttp, log_config=None, lifespan="off", ws="websockets-sansio")
    )
    thread = threading.Thread(target=server.run)
    thread.start()
    wait_until(lambda: server.started)
    yield server.servers[0].sockets[0].getsockname()[1]
    server.should_exit = True
    thread.join(10)


def answer_to(port: int, *parts: bytes, answers: int = 1) -> bytes:
    """What the server says to requests sent in parts, until it has said so many bodies or closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        received = b""
        try:
            for part in parts:
                client.sendall(part)
            while received.count(b"\r\n\r\n") < answers or received.endswith(b"\r\n\r\n"):
                if not (chunk := client.recv(65_536)):
                    break
                received += chunk
        except (ConnectionResetError, BrokenPipeError):
            pass
        return received


@pytest.mark.parametrize(
    "header",
    [
        pytest.param([b"x: " + b"a" * (1 << 20)] * 10, id="one header of ten megabytes"),
        pytest.param([b"x-%d: 1\r\n" % n for n in range(20_000)], id="very many headers"),
    ],
)
def test_headers_without_end_are_refused(port: int, header: list[bytes]) -> None:
    answered = answer_to(port, b"GET / HTTP/1.1\r\nhost: x\r\n", *header)
    assert answered == b"" or answered.startswith(b"HTTP/1.1 431 ")


def test_headers_of_a_usual_size_pass_on_a_kept_connection(port: int) -> None:
    request = b"GET / HTTP/1.1\r\nhost: x\r\ncookie: " + b"a" * 30_000 + b"\r\n\r\n"
    assert answer_to(port, *[request] * 5, answers=5).count(b"HTTP/1.1 200 OK") == 5


def test_a_long_body_is_not_taken_for_headers(port: int) -> None:
    request = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n" + b"a" * 1_000_000
    assert answer_to(port, request, request, answers=2).count(b"1000000") == 2


def test_a_body_that_announces_too_much_is_refused(port: int) -> None:
    answered = answer_to(port, b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9000000\r\n\r\n")
    assert answered.startswith(b"HTTP/1.1 413 ")
    assert answered.endswith(b"The body is larger than 8 MB.\n")


def test_a_client_that_sends_all_of_a_refused_body_still_hears_why(port: int) -> None:
    head = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9000000\r\n\r\n"
    assert answer_to(port, head, b"a" * 9_000_000).startswith(b"HTTP/1.1 413 ")


def test_a_body_in_chunks_is_refused_when_it_turns_out_too_large(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BODY_MAX", 1000)
    chunk = b"190\r\n" + b"a" * 400 + b"\r\n"
    start = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n"
    assert answer_to(port, start, chunk, chunk, b"0\r\n\r\n").endswith(b"800")
    assert answer_to(port, start, *[chunk] * 5, b"0\r\n\r\n").startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize(
    "slow",
    [
        pytest.param([], id="nothing"),
        pytest.param([b"GET / HTTP/1.1\r\nhost: x\r\n"], id="headers without an end"),
        pytest.param([b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nab"], id="a body without an end"),
    ],
)
def test_who_never_ends_a_request_is_let_go(port: int, monkeypatch: pytest.MonkeyPatch, slow: list[bytes]) -> None:
    monkeypatch.setattr(limits, "REQUEST_WITHIN_S", 0.3)
    assert answer_to(port, *slow) == b""


def test_an_answer_may_take_longer_than_its_request(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REQUEST_WITHIN_S", 0.3)
    with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
        for _ in range(2):
            client.sendall(b"GET /slow HTTP/1.1\r\nhost: x\r\n\r\n")
            assert client.recv(65_536).startswith(b"HTTP/1.1 200")


def test_a_websocket_stays_open(port: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REQUEST_WITHIN_S", 0.3)
    with connect(f"ws://127.0.0.1:{port}/") as opened:
        assert opened.recv(timeout=10) == "still here"
