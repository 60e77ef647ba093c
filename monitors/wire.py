"""Own one TCP connection of a dialogue probe: bounded reads, and TLS started at any point, at little cost.

TLS runs over memory buffers rather than asyncio's `start_tls`: less CPU per handshake, and the
same code under uvloop. Nothing here knows deadlines: the caller's timeout cancels, `close` cleans up.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import cast

from monitors.addresses import is_ip

TOTAL_LIMIT_BYTES = 256 * 1024
"""No dialogue of ours needs more; an endless banner or a 10 MB header ends here."""
TLS_READ_BYTES = 64 * 1024


class WireError(Exception):
    """The other side broke the rules of the conversation."""


class TooMuchSaidError(WireError):
    """The other side sent more than a probe takes."""


class ClosedError(WireError):
    """The other side closed the connection."""


class InjectionError(WireError):
    """Plain text followed the answer to STARTTLS: what should be protected came unprotected (CVE-2011-0411)."""


class Wire(asyncio.Protocol):
    """A connection to read lines or bytes from. Make it with `connect`, end it with `close`."""

    def __init__(self, limit: int = TOTAL_LIMIT_BYTES) -> None:
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._buffer = bytearray()
        self._left = limit
        self._ended: Exception | None = None
        self._has_talked = False
        self._tls: ssl.SSLObject | None = None
        self._incoming = self._outgoing = cast("ssl.MemoryBIO", None)

    # asyncio.Protocol

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        self._left -= len(data)
        if self._left < 0:
            self._end(TooMuchSaidError("more was sent than a probe takes"))
            self.close()
            return
        if self._tls is None:
            self._buffer += data
        else:
            self._incoming.write(data)
        self._wake()

    def eof_received(self) -> None:
        self._end(ClosedError("the other side closed the connection"))

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(exc or ClosedError("the other side closed the connection"))

    def _end(self, error: Exception) -> None:
        self._ended = self._ended or error
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    # Reading and writing

    async def _more(self) -> None:
        """Wait until something arrived. Raises what ended the connection, if it has ended."""
        if self._ended is not None:
            raise self._ended
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    async def line(self) -> bytes:
        """The next line with its end. At the end of input, what is left of an unfinished line is lost."""
        while (line := self.line_at_hand()) is None:
            await self._fill()
        return line

    def line_at_hand(self) -> bytes | None:
        """The next line if it is already there: the lines of one reply come together, and waiting costs."""
        end = self._buffer.find(b"\n") + 1
        return self._take(end) if end else None

    async def some(self) -> bytes:
        """Whatever has arrived, at least one byte."""
        while not self._buffer:
            await self._fill()
        return self._take(len(self._buffer))

    async def exactly(self, count: int) -> bytes:
        while len(self._buffer) < count:
            await self._fill()
        return self._take(count)

    def _take(self, count: int) -> bytes:
        said = bytes(self._buffer[:count])
        del self._buffer[:count]
        return said

    async def _fill(self) -> None:
        if self._tls is None or not self._decrypt():
            await self._more()

    def _decrypt(self) -> bool:
        assert self._tls is not None
        try:
            plain = self._tls.read(TLS_READ_BYTES)
        except ssl.SSLWantReadError:
            return False
        except ssl.SSLZeroReturnError as error:
            raise ClosedError("the other side closed the connection") from error
        self._buffer += plain
        return bool(plain)

    def send(self, said: bytes) -> None:
        if self._ended is not None:
            raise self._ended
        assert self._transport is not None
        self._has_talked = True
        if self._tls is None:
            self._transport.write(said)
        else:
            self._tls.write(said)
            self._transport.write(self._outgoing.read())
            self._acknowledge_at_once()

    async def start_tls(self, context: ssl.SSLContext, server_name: str | None) -> None:
        """Shake hands. Raises ssl.SSLError (certificate errors are its subclass), WireError, OSError."""
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        if self._buffer and self._has_talked:
            raise InjectionError("plain text followed the answer to STARTTLS")
        self._incoming.write(self._take(len(self._buffer)))  # said before we said anything: let TLS judge it
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=server_name)
        while not self._shake():
            await self._more()

    def _acknowledge_at_once(self) -> None:
        """Do not delay the acknowledgement of what comes next; to be set anew after each sending.

        Session tickets follow the handshake. A server with Nagle's algorithm on holds its answer until they are
        acknowledged, which Linux by itself does 40 ms later: time that the server would be blamed for.
        """
        assert self._transport is not None
        if hasattr(socket, "TCP_QUICKACK"):
            self._transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def _shake(self) -> bool:
        assert self._tls is not None
        assert self._transport is not None
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            return False
        else:
            return True
        finally:
            # Our next flight, or after an error the alert that tells the server why we left.
            if self._outgoing.pending:
                self._transport.write(self._outgoing.read())

    @property
    def tls(self) -> ssl.SSLObject:
        assert self._tls is not None
        return self._tls

    def close(self) -> None:
        """Drop the connection now; nothing waits for the other side."""
        if self._transport is not None:
            self._transport.abort()


FAMILY_BY_VERSION = {None: socket.AF_UNSPEC, 4: socket.AF_INET, 6: socket.AF_INET6}


async def look_up(host: str, port: int, ip_version: int | None) -> str:
    """The first address of the host in the resolver's order, an address as itself. Raises socket.gaierror."""
    if is_ip(host):
        return host
    found = await asyncio.get_running_loop().getaddrinfo(
        host, port, family=FAMILY_BY_VERSION[ip_version], type=socket.SOCK_STREAM
    )
    return str(found[0][4][0])


async def connect(address: str, port: int, limit: int = TOTAL_LIMIT_BYTES) -> Wire:
    """A connection to an address that needs no look-up. Raises OSError. One attempt, so that a dead address shows."""
    _, wire = await asyncio.get_running_loop().create_connection(lambda: Wire(limit), address, port)
    return wire
