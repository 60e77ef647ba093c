"""Own cheap websocket readers: a thousand sockets that note when a frame arrived, and one that never reads."""

from __future__ import annotations

import asyncio
import base64
import os
import resource
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

FILES = 4_096
SHORT_HEADER = 2
PING, PONG = 0x9, 0xA
AT_ONCE = 50
"""Handshakes under way at the same time: each asks the database who comes."""

Heard = Callable[[float, bytes], None]


class Reader(asyncio.Protocol):
    """Upgrades a connection by hand, then hands every frame on with the instant at which it was whole.

    A full websocket client costs more per frame than the server that is to be measured.
    """

    def __init__(self, port: int, path: str, cookie: str, heard: Heard) -> None:
        key = base64.b64encode(os.urandom(16)).decode()
        origin = f"127.0.0.1:{port}"
        lines = (
            f"GET {path} HTTP/1.1",
            f"Host: {origin}",
            f"Origin: http://{origin}",
            f"Cookie: {cookie}",
            "Upgrade: websocket",
            "Connection: Upgrade",
            f"Sec-WebSocket-Key: {key}",
            "Sec-WebSocket-Version: 13",
        )
        self.request = ("\r\n".join(lines) + "\r\n\r\n").encode()
        self.heard = heard
        self.buffer = bytearray()
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic()
        if self.opened.done():
            self.buffer += data
            self.hand_on(now)
        elif data.startswith(b"HTTP/1.1 101"):
            self.opened.set_result(None)
        else:
            self.opened.set_exception(ConnectionError(data[:80].decode(errors="replace")))

    def hand_on(self, now: float) -> None:
        """Whole frames (RFC 6455 section 5.2), as a server sends them: not masked."""
        while len(self.buffer) >= SHORT_HEADER:
            size, start = self.buffer[1], SHORT_HEADER
            if size >= 126:
                start += 2 if size == 126 else 8
                size = int.from_bytes(self.buffer[SHORT_HEADER:start])
            if len(self.buffer) < start + size:
                return
            kind, body = self.buffer[0] & 0x0F, bytes(self.buffer[start : start + size])
            if kind == PING:
                self.pong(body)
            else:
                self.heard(now, body)
            del self.buffer[: start + size]

    def pong(self, body: bytes) -> None:
        """Masked, as a client must, with the mask that changes nothing."""
        if self.transport:
            self.transport.write(bytes([0x80 | PONG, 0x80 | len(body)]) + bytes(4) + body)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.opened.done():
            self.opened.set_exception(ConnectionError("closed before the upgrade"))


@asynccontextmanager
async def readers(port: int, path: str, cookie: str, number: int, heard: Heard) -> AsyncIterator[list[Reader]]:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(FILES, hard)), hard))
    gate = asyncio.Semaphore(AT_ONCE)
    loop = asyncio.get_running_loop()

    async def opened() -> Reader:
        async with gate:
            _, reader = await loop.create_connection(lambda: Reader(port, path, cookie, heard), "127.0.0.1", port)
            await reader.opened
            return reader

    found = await asyncio.gather(*(opened() for _ in range(number)))
    try:
        yield found
    finally:
        for reader in found:
            assert reader.transport is not None
            reader.transport.abort()
