"""Own the `dns` kind: one question to one server, and its answer held against what is expected."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Annotated, Self

import dns.exception
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
from pydantic import AfterValidator, Field, model_validator

from monitors.dns_answers import value_of
from monitors.dns_wire import question
from monitors.evidence import excerpt
from monitors.options import Duration, Strict
from monitors.probes import patterns
from monitors.probes.attempt import Attempt, attempted
from monitors.probes.expectations import Pattern
from monitors.probes.faults import Fault
from monitors.probes.kind import Check, Kind
from monitors.resolver import Answer, DnsNameError, Endpoint, Reply, Status, Via, answer_of, ask, system_servers
from monitors.results import ProbeResult, Result


def _checked_endpoint(text: str) -> str:
    try:
        Endpoint.parse(text)
    except ValueError as error:
        raise ValueError(
            f"{text!r} is not a DNS server; write its address as 192.0.2.53, 192.0.2.53:5353 or [2001:db8::53]:53"
        ) from error
    return text


def _checked_type(text: str) -> str:
    try:
        dns.rdatatype.from_text(text)
    except dns.exception.DNSException as error:
        raise ValueError(f"{text!r} is not a type of DNS record") from error
    return text.upper()


def _checked_rcode(text: str) -> str:
    try:
        return dns.rcode.to_text(dns.rcode.from_text(text))
    except dns.exception.DNSException as error:
        raise ValueError(f"{text!r} is not a code of DNS answers; write NOERROR, NXDOMAIN, REFUSED ...") from error


def _checked_name(text: str) -> str:
    try:
        question(text, "A", recursion=False)
    except DnsNameError as error:
        raise ValueError(f"{text!r} cannot be asked for in DNS: {error}") from error
    return text.rstrip(".").lower() or "."


Server = Annotated[str, AfterValidator(_checked_endpoint)]
RecordType = Annotated[str, AfterValidator(_checked_type)]
Name = Annotated[str, AfterValidator(_checked_name)]


class DnsExpect(Strict):
    """`records` is the whole set, in any order; `includes` and `excludes` parts of it; `matches` at least one."""

    rcode: Annotated[str, AfterValidator(_checked_rcode)] = "NOERROR"
    records: list[str] | None = None
    includes: list[str] = Field(default_factory=list)
    excludes: list[str] = Field(default_factory=list)
    matches: Pattern | None = None
    min_records: int = Field(default=1, ge=0)
    authenticated: bool = False
    min_ttl: Duration | None = None
    max_ttl: Duration | None = None


class DnsOptions(Strict):
    """Without `server` this machine's resolvers are asked: what they fail to tell is then unknown, not down.

    `authoritative` asks without recursion and demands an authoritative answer (RFC 1035 section 4.1.1, AA).
    """

    query: Name
    type: RecordType = "A"
    server: Server | None = None
    transport: Via = Via.UDP
    server_name: str | None = None
    authoritative: bool = False
    expect: DnsExpect = DnsExpect()
    under: Duration | None = None

    @model_validator(mode="after")
    def hold_together(self) -> Self:
        if self.authoritative and self.server is None:
            raise ValueError("authoritative needs server: our own resolvers are not authoritative")
        for record in (*(self.expect.records or ()), *self.expect.includes, *self.expect.excludes):
            plain(record, self.type)
        return self

    def endpoint(self) -> Endpoint:
        """Whom to ask. Raises Fault when this machine has no resolver."""
        if self.server is not None:
            found = Endpoint.parse(self.server)
            return Endpoint(found.host, found.port, self.transport, self.server_name)
        servers = system_servers()
        if not servers:
            raise Fault("resolver_failed", "this machine is configured with no resolver", Result.UNKNOWN)
        return servers[0]


@lru_cache(maxsize=4096)
def plain(record: str, rdtype: str) -> str:
    """An expected record in the spelling of answers. Raises ValueError for what cannot be such a record."""
    if rdtype in {"TXT", "SPF"}:
        return record
    try:
        found = dns.rdata.from_text(dns.rdataclass.IN, dns.rdatatype.from_text(rdtype), record)
    except (dns.exception.DNSException, ValueError) as error:
        raise ValueError(f"{record!r} is not a record of type {rdtype}: {error}") from error
    return value_of(found)


# Statuses in which the server said nothing that can be judged.
SILENT = {
    Status.TIMEOUT: ("timeout", "does not answer"),
    Status.UNREACHABLE: ("dns_unreachable", "cannot be reached"),
    Status.MALFORMED: ("dns_malformed", "gives an answer that is broken, or to another question"),
    Status.LAME: ("dns_lame", "neither knows the zone nor asks others (lame)"),
}
REASON_BY_RCODE = {"NXDOMAIN": "dns_nxdomain", "SERVFAIL": "dns_servfail", "REFUSED": "dns_refused"}


def silence_fault(reply: Reply, is_ours: bool) -> Fault | None:
    """The fault of a server that said nothing. Of our own resolver it says nothing about the zone."""
    if reply.status not in SILENT:
        return None
    reason, words = SILENT[reply.status]
    why = f": {excerpt(reply.error)}" if reply.error and reply.status is not Status.TIMEOUT else ""
    return Fault(reason, f"DNS server {reply.endpoint} {words}{why}", Result.UNKNOWN if is_ours else Result.FAIL)


def answer_fault(options: DnsOptions, answer: Answer) -> Fault | None:
    """The first expectation that is not met: code, authority, records."""
    expect = options.expect
    rcode = answer.rcode or "?"
    if rcode != expect.rcode:
        is_ours = options.server is None and rcode in {"SERVFAIL", "REFUSED"}
        reason = REASON_BY_RCODE.get(rcode, "dns_rcode_unexpected")
        sentence = f"[rcode] ({rcode}) == {expect.rcode} for {options.query} {options.type}, asked {answer.server}"
        return Fault(reason, sentence, Result.UNKNOWN if is_ours else Result.FAIL)
    if options.authoritative and not answer.is_authoritative:
        return Fault("dns_not_authoritative", f"DNS server {answer.server} answers, but without authority")
    if expect.authenticated and not answer.is_authenticated:
        return Fault("dns_not_authenticated", f"the answer of {answer.server} is not authenticated (DNSSEC)")
    if words := record_difference(options, answer.values):
        return Fault("dns_empty" if not answer.values else "dns_records_differ", words)
    return None


def record_difference(options: DnsOptions, found: tuple[str, ...]) -> str | None:
    if options.expect.rcode != "NOERROR":
        return None
    words = next(_differences(options.expect, options.type, frozenset(found)), None)
    return f"{options.query} {options.type}: {words}" if words else None


def _differences(expect: DnsExpect, rdtype: str, found: frozenset[str]) -> Iterator[str]:
    def spelt(records: Iterable[str]) -> frozenset[str]:
        return frozenset(plain(record, rdtype) for record in records)

    shown = f"found {_listed(found)}"
    if expect.records is not None and (wanted := spelt(expect.records)) != found:
        yield f"missing {_listed(wanted - found)}, unexpected {_listed(found - wanted)}"
    if expect.records is None and len(found) < expect.min_records:
        yield f"{len(found)} records, expected at least {expect.min_records}"
    if missing := spelt(expect.includes) - found:
        yield f"missing {_listed(missing)}, {shown}"
    if forbidden := spelt(expect.excludes) & found:
        yield f"must not hold {_listed(forbidden)}"
    if expect.matches and not any(patterns.search(expect.matches, record) for record in found):
        yield f"no record matches {expect.matches!r}, {shown}"


def _listed(records: Iterable[str]) -> str:
    return ", ".join(excerpt(record, 60) for record in sorted(records)[:6]) or "none"


def warn_of_ttl(attempt: Attempt, options: DnsOptions, ttl_s: int | None) -> None:
    least, most = options.expect.min_ttl, options.expect.max_ttl
    if ttl_s is None:
        return
    if least is not None and ttl_s < least.total_seconds():
        attempt.warn("dns_ttl", f"[ttl] ({ttl_s} s) >= {least.total_seconds():.0f} s")
    elif most is not None and ttl_s > most.total_seconds():
        attempt.warn("dns_ttl", f"[ttl] ({ttl_s} s) <= {most.total_seconds():.0f} s")


async def inquire(attempt: Attempt) -> ProbeResult:
    options: DnsOptions = attempt.check.options
    endpoint = options.endpoint()
    attempt.begin("processing")
    attempt.transcript.sent(f"{options.query} {options.type} to {endpoint} over {endpoint.via}")
    attempt.timeout_result = Result.UNKNOWN if options.server is None else Result.FAIL
    timeout_s = attempt.left_s * 0.95  # so that the resolver, not our deadline, tells what was missing
    recursion = not options.authoritative
    reply = await ask(endpoint, options.query, options.type, timeout_s=timeout_s, recursion=recursion)
    if reply.message is not None:
        attempt.is_reached = True
        attempt.transcript.heard(reply.message.to_text)
    if fault := silence_fault(reply, options.server is None):
        raise fault
    answer = answer_of(reply, options.query, options.type)
    attempt.details |= {"rcode": answer.rcode, "records": list(answer.values), "ttl_s": answer.ttl_s}
    if fault := answer_fault(options, answer):
        raise fault
    warn_of_ttl(attempt, options, answer.ttl_s)
    attempt.warn_if_slower_than(options.under)
    return attempt.succeed(f"{options.query} {options.type}: {_listed(answer.values)} in {attempt.total_ms:.0f} ms")


async def run(check: Check) -> ProbeResult:
    return await attempted(check, inquire)


KIND = Kind("dns", DnsOptions, run, host=lambda options: options.server or "resolver")
