"""Own every DNS question that Standpipe asks: the wire, the deadline, and what an answer means.

Two doors. `ask` sends one question to one server and tells how it went: the cheap primitive for direct
questions. `Lookups` asks recursive resolvers on behalf of one evaluation: every name once, CNAMEs
followed, servers tried in turn. Nothing is cached beyond an evaluation, and nothing here raises for
what the network does: silence, refusal and nonsense are statuses, never "no such record".
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cached_property

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdatatype

from monitors import dns_wire
from monitors.dns_answers import MalformedError, Reading, read_answer, records_of
from monitors.dns_wire import DnsNameError, Endpoint, Via

__all__ = ["Answer", "DnsNameError", "Endpoint", "Lookups", "Reply", "Status", "Via", "ask", "system_servers"]

RETRANSMIT_AFTER_S = 1.5
"""A lost datagram is asked again after this; resolvers answer from cache in milliseconds, recursion takes a second."""
CNAME_CHAIN_LIMIT = 8
"""More aliases than this is a loop or a mistake (the same bound as common resolvers)."""


class Status(StrEnum):
    """How one question ended. The first three are facts about the zone; the others say nothing about it."""

    ANSWER = "answer"
    EMPTY = "empty"
    NXDOMAIN = "nxdomain"
    SERVFAIL = "servfail"
    REFUSED = "refused"
    LAME = "lame"
    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    MALFORMED = "malformed"
    ERROR = "error"

    @property
    def is_known(self) -> bool:
        """Whether the answer tells what the zone holds. Timeouts and errors never do."""
        return self in {Status.ANSWER, Status.EMPTY, Status.NXDOMAIN}

    @property
    def is_void(self) -> bool:
        """A void lookup: the name or the type does not exist (RFC 7208 section 4.6.4)."""
        return self in {Status.EMPTY, Status.NXDOMAIN}


@dataclass(frozen=True)
class Reply:
    """One question to one server, as it went. `reading` is None when nothing readable came back."""

    status: Status
    endpoint: Endpoint
    via: Via
    rtt_ms: float | None = None
    reading: Reading | None = None
    wire: bytes = b""
    error: str = ""

    @cached_property
    def message(self) -> dns.message.Message | None:
        """The whole message for those who show it; reading it costs more than asking did."""
        if self.reading is None:
            return None
        try:
            return dns.message.from_wire(self.wire)
        except (dns.exception.DNSException, ValueError, NotImplementedError):
            return None

    @property
    def rcode(self) -> str | None:
        return None if self.reading is None else dns.rcode.to_text(dns.rcode.Rcode(self.reading.rcode))

    @property
    def is_authoritative(self) -> bool:
        return self.reading is not None and bool(self.reading.flags & dns.flags.AA)

    @property
    def is_authenticated(self) -> bool:
        return self.reading is not None and bool(self.reading.flags & dns.flags.AD)


@dataclass(frozen=True, slots=True)
class Answer:
    """What is known of one name and type, with who said so.

    `values` are texts in a stable order: TXT chunks joined with nothing between (RFC 7208 section 3.3,
    RFC 6376 section 3.6.2.2), names in lower case without the last dot. `ttl_s` is that of the records, or of
    the denial (RFC 2308 section 5). `aliases` are the CNAMEs that were followed.
    """

    name: str
    rdtype: str
    status: Status
    values: tuple[str, ...] = ()
    ttl_s: int | None = None
    aliases: tuple[str, ...] = ()
    server: str | None = None
    rcode: str | None = None
    is_authoritative: bool = False
    is_authenticated: bool = False
    rtt_ms: float | None = None
    error: str = ""

    @property
    def is_known(self) -> bool:
        return self.status.is_known


async def ask(
    endpoint: Endpoint,
    name: str,
    rdtype: str,
    *,
    timeout_s: float = 2.0,
    recursion: bool = True,
    via: Via | None = None,
    tls: ssl.SSLContext | None = None,
) -> Reply:
    """Ask one server one question, once. Never raises but for a name that DNS cannot carry (DnsNameError).

    `via` is UDP unless the endpoint says otherwise; a truncated answer is fetched again over TCP within
    the same deadline (RFC 7766 section 5). Of a datagram, only one that echoes id and question is believed.
    """
    question = dns_wire.question(name, rdtype, recursion=recursion)
    via = via or endpoint.via
    started = time.perf_counter()
    try:
        async with asyncio.timeout(timeout_s):
            wire = await dns_wire.exchange(endpoint, question, via, tls)
            if via is Via.UDP and dns_wire.is_truncated(wire):
                via = Via.TCP
                wire = await dns_wire.exchange(endpoint, question, via, tls)
    except TimeoutError:
        return Reply(Status.TIMEOUT, endpoint, via, error=f"no answer within {timeout_s:g} s")
    except dns_wire.MismatchedAnswer as error:
        return Reply(Status.MALFORMED, endpoint, via, error=str(error))
    except (OSError, EOFError, ssl.SSLError) as error:
        return Reply(Status.UNREACHABLE, endpoint, via, error=str(error) or type(error).__name__)
    return read_reply(endpoint, via, wire, (time.perf_counter() - started) * 1000)


def read_reply(endpoint: Endpoint, via: Via, wire: bytes, rtt_ms: float | None = None) -> Reply:
    """An answer's bytes as a reply; what cannot be read is malformed."""
    try:
        reading = read_answer(wire)
    except MalformedError as error:
        return Reply(Status.MALFORMED, endpoint, via, rtt_ms, error=str(error))
    return Reply(status_of(reading), endpoint, via, rtt_ms, reading, wire)


STATUS_BY_RCODE = {
    int(dns.rcode.NXDOMAIN): Status.NXDOMAIN,
    int(dns.rcode.SERVFAIL): Status.SERVFAIL,
    int(dns.rcode.REFUSED): Status.REFUSED,
}


def status_of(reading: Reading) -> Status:
    """What a readable answer says. A server that neither owns a zone nor recurses is lame (RFC 1912 section 2.8)."""
    if reading.rcode != dns.rcode.NOERROR:
        return STATUS_BY_RCODE.get(reading.rcode, Status.ERROR)
    if reading.records:
        return Status.ANSWER
    return Status.EMPTY if reading.flags & (dns.flags.AA | dns.flags.RA) else Status.LAME


def answer_of(reply: Reply, name: str, rdtype: str) -> Answer:
    """A reply as evidence about one name: aliases resolved inside the message, values in a stable order."""
    who = str(reply.endpoint)
    if reply.reading is None:
        return Answer(name, rdtype, reply.status, server=who, rtt_ms=reply.rtt_ms, error=reply.error)
    values, aliases, ttl_s = records_of(reply.reading, name, rdtype)
    status = Status.EMPTY if reply.status is Status.ANSWER and not values else reply.status
    return Answer(
        name, rdtype, status, values, ttl_s, aliases, who, reply.rcode,
        reply.is_authoritative, reply.is_authenticated, reply.rtt_ms, reply.error,
    )  # fmt: skip


class Lookups:
    """Ask recursive servers on behalf of one evaluation: each name and type once, all within one deadline.

    Two callers who want the same answer share one query; the answers live as long as this object, so that
    one evaluation sees one state of the world and the next one sees the next.
    """

    def __init__(self, servers: Sequence[Endpoint], timeout_s: float = 5.0, tls: ssl.SSLContext | None = None) -> None:
        if not servers:
            raise ValueError("at least one DNS server is needed")
        self._servers = tuple(servers)
        self._ends_at = time.monotonic() + timeout_s
        self._tls = tls
        self._answers: dict[tuple[str, str], asyncio.Task[Answer]] = {}

    async def get(self, name: str, rdtype: str) -> Answer:
        """The answer for one name and type; an alias is followed to its end. Never raises."""
        key = (name, rdtype)
        task = self._answers.get(key)
        if task is None:
            task = self._answers[key] = asyncio.create_task(self.look_up(name, rdtype))
        return await asyncio.shield(task)

    async def look_up(self, name: str, rdtype: str) -> Answer:
        """`get` for a caller who asks nothing twice. Never raises.

        Aliases whose target the server did not add are chased: authoritative servers leave that to the asker.
        """
        answer = await self._ask_in_turn(name, rdtype)
        if not answer.aliases:
            return answer
        aliases = answer.aliases
        while rdtype != "CNAME" and not answer.values and answer.aliases and answer.status is Status.EMPTY:
            if len(aliases) > CNAME_CHAIN_LIMIT or aliases[-1] == name:
                return replace(answer, status=Status.ERROR, aliases=aliases, error="the chain of aliases does not end")
            answer = await self._ask_in_turn(aliases[-1], rdtype)
            aliases += answer.aliases
        return replace(answer, name=name, aliases=aliases)

    async def _ask_in_turn(self, name: str, rdtype: str) -> Answer:
        """Each server in turn, twice round, until one knows; else the most telling of the failures."""
        worst: Reply | None = None
        for endpoint in self._servers * 2:
            left_s = self._ends_at - time.monotonic()
            if left_s <= 0:
                break
            try:
                reply = await ask(endpoint, name, rdtype, timeout_s=min(RETRANSMIT_AFTER_S, left_s), tls=self._tls)
            except DnsNameError as error:
                # What DNS cannot carry cannot exist, and no server need be asked.
                return Answer(name, rdtype, Status.NXDOMAIN, error=str(error))
            if reply.status.is_known:
                return answer_of(reply, name, rdtype)
            # A server that answered SERVFAIL tells more than one that stayed silent.
            if worst is None or worst.message is None:
                worst = reply
        if worst is None:
            return Answer(name, rdtype, Status.TIMEOUT, error="the deadline had passed")
        return answer_of(worst, name, rdtype)


def system_servers() -> tuple[Endpoint, ...]:
    """The resolvers that this machine is configured with; none when there is no such configuration."""
    # Here, because it brings an HTTP/2 client along, which every process would wait for.
    import dns.resolver

    try:
        resolver = dns.resolver.Resolver()
    except dns.resolver.NoResolverConfiguration:
        return ()
    return tuple(Endpoint(server, resolver.port) for server in resolver.nameservers if isinstance(server, str))
