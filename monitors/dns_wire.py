"""Own the wire format and the sockets of DNS questions; `monitors.resolver` is its only caller.

A question costs a few microseconds to build and shares one connected socket per server with others in
flight: measured here, three times the questions per CPU-second of a fresh socket and message object each.
"""

from __future__ import annotations

import asyncio
import ipaddress
import os
import secrets
import socket
import ssl
import struct
import weakref
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import lru_cache

import dns.exception
import dns.name
import dns.rdataclass
import dns.rdatatype

HEADER = struct.Struct("!HHHHHH")
FLAG_RD, FLAG_AD, FLAG_TC, FLAG_QR = 0x0100, 0x0020, 0x0200, 0x8000
UDP_PAYLOAD = 1232
"""Largest datagram that crosses the Internet unfragmented (DNS flag day 2020)."""
OPT = b"\0" + struct.pack("!HHIH", 41, UDP_PAYLOAD, 0, 0)
QUESTIONS_PER_SOCKET = 128
"""Then a new socket takes over, so that the source port stays unguessable (RFC 5452 section 9.2)."""
IDLE_S = 2.0


class DnsNameError(Exception):
    """A name cannot be asked for in DNS: {reason}."""


class MismatchedAnswer(Exception):  # noqa: N818 - it names what came, not what broke here
    """The server answered another question than the one that was asked."""


class Via(StrEnum):
    UDP = "udp"
    TCP = "tcp"
    TLS = "tls"


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A DNS server's address. `tls_name` is the name that its certificate must carry (RFC 8310), for Via.TLS."""

    host: str
    port: int = 53
    via: Via = Via.UDP
    tls_name: str | None = None

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @classmethod
    def parse(cls, text: str, default_port: int = 53) -> Endpoint:
        """`192.0.2.53`, `192.0.2.53:5353`, `2001:db8::53`, `[2001:db8::53]:5353`. Raises ValueError."""
        host, port = text.strip(), default_port
        if host.startswith("["):
            host, bracket, rest = host[1:].partition("]")
            if not bracket or (rest and not rest.startswith(":")):
                raise ValueError(f"{text!r} is not an address of a DNS server")
            port = int(rest.removeprefix(":")) if rest else default_port
        elif host.count(":") == 1:
            host, _, digits = host.partition(":")
            port = int(digits)
        if not 0 < port < 65_536:
            raise ValueError(f"{port} is not a port")
        return cls(str(ipaddress.ip_address(host)), port)


@dataclass(frozen=True, slots=True)
class Question:
    """A question's wire form, in the two parts that must come back: flags vary, these bytes may not."""

    flags: int
    section: bytes
    options: bytes = OPT

    def wire(self, number: int) -> bytes:
        return HEADER.pack(number, self.flags, 1, 0, 0, bool(self.options)) + self.section + self.options


@lru_cache(maxsize=4096)
def question(name: str, rdtype: str, *, recursion: bool) -> Question:
    """AD is set in questions to hear AD in answers without asking for signatures (RFC 6840 section 5.7)."""
    try:
        number = dns.rdatatype.from_text(rdtype)
        wire = dns.name.from_text(name).to_wire() or b""
    except (dns.exception.DNSException, ValueError, UnicodeError) as error:
        raise DnsNameError(f"{name} {rdtype}: {error}") from error
    flags = FLAG_AD | (FLAG_RD if recursion else 0)
    return Question(flags, wire + struct.pack("!HH", number, dns.rdataclass.IN))


def is_without_options(wire: bytes) -> bool:
    """Whether a server does not know what EDNS is, and says so (RFC 6891 section 7): FORMERR or NOTIMP."""
    return wire[3] & 0x0F in {1, 4}


def is_truncated(wire: bytes) -> bool:
    return bool(wire[2] & (FLAG_TC >> 8))


def is_answer_to(wire: bytes, number: int, asked: Question) -> bool:
    """Whether a message answers this question: id, QR, and the question echoed (RFC 5452 section 9.1).

    Names compare without case. A server that fails to parse may leave the question out: only errors may.
    """
    if len(wire) < HEADER.size:
        return False
    got, flags, questions, _, _, _ = HEADER.unpack_from(wire)
    if got != number or not flags & FLAG_QR:
        return False
    if questions == 0:
        return flags & 0x000F in {1, 4, 5}
    end = HEADER.size + len(asked.section)
    return bool(wire[HEADER.size : end].lower() == asked.section.lower())


async def exchange(endpoint: Endpoint, asked: Question, via: Via, tls: ssl.SSLContext | None) -> bytes:
    """The raw answer; a server too old for EDNS is asked again without it (RFC 6891 section 6.2.2).

    Waits without limit: the caller sets the deadline. Raises OSError, EOFError, MismatchedAnswer.
    """
    wire = await _exchange(endpoint, asked, via, tls)
    if is_without_options(wire):
        return await _exchange(endpoint, replace(asked, options=b""), via, tls)
    return wire


async def _exchange(endpoint: Endpoint, asked: Question, via: Via, tls: ssl.SSLContext | None) -> bytes:
    if via is Via.UDP:
        return await _channel(endpoint).exchange(asked)
    return await _stream(endpoint, asked, (tls or ssl.create_default_context()) if via is Via.TLS else None)


async def _stream(endpoint: Endpoint, asked: Question, tls: ssl.SSLContext | None) -> bytes:
    number = secrets.randbits(16)
    name = (endpoint.tls_name or endpoint.host) if tls else None
    reader, writer = await asyncio.open_connection(endpoint.host, endpoint.port, ssl=tls, server_hostname=name)
    try:
        wire = asked.wire(number)
        writer.write(struct.pack("!H", len(wire)) + wire)
        (size,) = struct.unpack("!H", await reader.readexactly(2))
        answer = await reader.readexactly(size)
    finally:
        writer.transport.abort()
    if not is_answer_to(answer, number, asked):
        raise MismatchedAnswer(f"{endpoint} answered another question than the one that was asked")
    return answer


class Channel:
    """One connected UDP socket to one server, shared by the questions in flight.

    It holds a bare descriptor rather than a socket object, because a loop may close before the channel
    has gone idle, and no one is left then to close it but the collector.
    """

    def __init__(self, endpoint: Endpoint, loop: asyncio.AbstractEventLoop) -> None:
        family = socket.AF_INET6 if ":" in endpoint.host else socket.AF_INET
        with socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as sock:
            sock.connect((endpoint.host, endpoint.port))
            self._descriptor = sock.detach()
        self._loop = loop
        self._waiting: dict[int, tuple[Question, asyncio.Future[bytes]]] = {}
        self._left = QUESTIONS_PER_SOCKET
        self._used_at = loop.time()
        loop.add_reader(self._descriptor, self._on_readable)
        loop.call_later(IDLE_S, self._close_if_idle)

    def __del__(self) -> None:
        if getattr(self, "_descriptor", -1) >= 0:
            os.close(self._descriptor)

    @property
    def is_fresh(self) -> bool:
        return self._left > 0 and self._descriptor >= 0

    async def exchange(self, asked: Question) -> bytes:
        number = secrets.randbits(16)
        while number in self._waiting:
            number = secrets.randbits(16)
        self._left -= 1
        self._used_at = self._loop.time()
        future: asyncio.Future[bytes] = self._loop.create_future()
        self._waiting[number] = (asked, future)
        try:
            os.write(self._descriptor, asked.wire(number))
            return await future
        finally:
            del self._waiting[number]
            if not self._waiting and self._left <= 0:
                self._close()

    def _on_readable(self) -> None:
        try:
            while True:
                self._receive(os.read(self._descriptor, 65_535))
        except BlockingIOError:
            return
        except OSError as error:
            # ICMP said that nobody listens there: true for every question waiting on this socket.
            for _, future in self._waiting.values():
                if not future.done():
                    future.set_exception(type(error)(*error.args))

    def _receive(self, wire: bytes) -> None:
        """Hand an answer to who waits for it. Others are dropped: a forger gets no say, and no denial either."""
        if len(wire) < HEADER.size:
            return
        number = int.from_bytes(wire[:2], "big")
        asked, future = self._waiting.get(number, (None, None))
        if asked is not None and future is not None and not future.done() and is_answer_to(wire, number, asked):
            future.set_result(wire)

    def _close_if_idle(self) -> None:
        if self._descriptor < 0:
            return
        if self._waiting or self._loop.time() - self._used_at < IDLE_S:
            self._loop.call_later(IDLE_S, self._close_if_idle)
        else:
            self._close()

    def _close(self) -> None:
        if self._descriptor >= 0:
            self._loop.remove_reader(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1


_channels: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[tuple[str, int], Channel]] = (
    weakref.WeakKeyDictionary()
)


def _channel(endpoint: Endpoint) -> Channel:
    loop = asyncio.get_running_loop()
    channels = _channels.setdefault(loop, {})
    key = (endpoint.host, endpoint.port)
    channel = channels.get(key)
    if channel is None or not channel.is_fresh:
        channel = channels[key] = Channel(endpoint, loop)
    return channel
