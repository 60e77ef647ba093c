"""Own the pipe to the outside: a TCP relay from the senders to the sink that lets through so many bits a second."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from monitors.sandbox.plan import Endpoint

CHUNK = 4096
BURST_S = 0.05  # what may pass at once, in seconds of capacity: small, so that a cut is felt at once
BLOCKED_S = 0.1
BUFFER = 16_384  # beyond it the kernel holds the senders back, as a full pipe does


class TokenBucket:
    """Capacity shared by all connections. Zero bits a second is a cut cable: nothing passes until that changes."""

    def __init__(self, bits_per_s: Callable[[], int]) -> None:
        self._bits_per_s = bits_per_s
        self._free_at = 0.0
        self.bits_total = 0

    async def take(self, size: int) -> None:
        while (rate := self._bits_per_s()) <= 0:  # noqa: ASYNC110 - a knob has no event to wait for
            await asyncio.sleep(BLOCKED_S)
        now = time.monotonic()
        self._free_at = max(self._free_at, now - BURST_S) + size * 8 / rate
        if self._free_at > now:
            await asyncio.sleep(self._free_at - now)
        self.bits_total += size * 8


class Link:
    def __init__(self, at: Endpoint, to: Endpoint, bits_per_s: Callable[[], int]) -> None:
        self._at, self._to = at, to
        self.bucket = TokenBucket(bits_per_s)
        self._server: asyncio.Server | None = None

    async def start(self) -> None:
        self._server = await asyncio.start_server(self._relay, self._at.host, self._at.port, limit=BUFFER)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        source = writer.get_extra_info("peername")[0]
        try:
            inner = await asyncio.open_connection(self._to.host, self._to.port, limit=BUFFER, local_addr=(source, 0))
        except OSError:
            writer.close()
            return
        ways = [
            asyncio.create_task(self._pump(reader, inner[1], metered=True)),
            asyncio.create_task(self._pump(inner[0], writer, metered=False)),
        ]
        # Whichever side hangs up first ends both: half-open conversations have no use in SMTP.
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        for end in (writer, inner[1]):
            end.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, metered: bool) -> None:
        with suppress(OSError):
            while data := await reader.read(CHUNK):
                if metered:
                    await self.bucket.take(len(data))
                writer.write(data)
                await writer.drain()

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
