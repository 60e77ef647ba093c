"""Own how much a request may carry: beyond that it is refused before it fills memory or disk.

Django bounds forms, but reads any body to disk first; uvicorn's fast parser collects headers without end.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from statuspage.front import Application, Document, Receive, Scope, Send, answer

HEADERS_MAX = 64 << 10
"""Bytes; what nginx and h11 allow by default, or more."""
BODY_MAX = 8 << 20
"""Bytes; a thousand queue samples are 200 kB."""
REQUEST_WITHIN_S = 60.0
"""From the connection, or a request's first byte, to its last byte: the largest body at little more than 1 Mbit/s."""
DRAIN_MAX = 4 * BODY_MAX
DRAIN_FOR_S = 1.0
TOO_MUCH_HEADER = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"  # RFC 6585 5
)


class BoundedHttp(HttpToolsProtocol):
    """Counts what came since the last boundary between messages, or between headers and body, and for how long a
    request has been on its way: uvicorn waits without end, and a few thousand that wait are all that a process holds.
    """

    since_boundary = 0
    is_in_headers = True
    patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.await_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self.stop_awaiting()
        super().connection_lost(exc)

    def await_request(self) -> None:
        self.patience = self.patience or self.loop.call_later(REQUEST_WITHIN_S, self.transport.close)

    def stop_awaiting(self) -> None:
        if self.patience is not None:
            self.patience.cancel()
        self.patience = None

    def on_headers_complete(self) -> None:
        self.is_in_headers, self.since_boundary = False, 0
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self.is_in_headers, self.since_boundary = True, 0
        self.stop_awaiting()
        super().on_message_complete()

    def data_received(self, data: bytes) -> None:
        self.since_boundary += len(data)
        self.await_request()
        super().data_received(data)
        if self.is_in_headers and self.since_boundary > HEADERS_MAX and not self.transport.is_closing():
            self.transport.write(TOO_MUCH_HEADER)
            self.transport.close()


class BoundedBody:
    """ASGI middleware: 413 (RFC 9110 section 15.5.14) for a body that is, or turns out to be, too large."""

    def __init__(self, inner: Application) -> None:
        self.inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.inner(scope, receive, send)
        elif announced(scope) > BODY_MAX:
            await refuse(scope, receive, send)
        else:
            await self.watch(scope, receive, send)

    async def watch(self, scope: Scope, receive: Receive, send: Send) -> None:
        """For bodies sent in chunks: once refused, what is behind hears that the client went away."""
        received, is_refused = 0, False

        async def count() -> Mapping[str, Any]:
            nonlocal received, is_refused
            message = await receive()
            received += len(message.get("body", b""))
            if received > BODY_MAX:
                if not is_refused:
                    is_refused = True
                    await refuse(scope, receive if message.get("more_body") else None, send)
                return {"type": "http.disconnect"}
            return message

        async def pass_on(message: Mapping[str, Any]) -> None:
            if not is_refused:
                await send(message)

        await self.inner(scope, count, pass_on)


def announced(scope: Scope) -> int:
    """The server has checked that the length is a number."""
    return next((int(value) for name, value in scope["headers"] if name == b"content-length"), 0)


async def refuse(scope: Scope, rest: Receive | None, send: Send) -> None:
    if rest is not None and not any(name == b"expect" for name, _ in scope["headers"]):
        await drain(rest)
    line = f"The body is larger than {BODY_MAX >> 20} MB.\n".encode()
    await answer(scope, send, Document(line, "text/plain; charset=utf-8", ((b"connection", b"close"),)), 413)


async def drain(rest: Receive) -> None:
    """Throw away what still comes, for a moment: a connection closed on unread data is reset, and takes the
    answer with it (RFC 9112 section 9.6).
    """
    left = DRAIN_MAX
    with suppress(TimeoutError):
        async with asyncio.timeout(DRAIN_FOR_S):
            while left > 0 and (message := await rest()).get("more_body"):
                left -= len(message["body"])
