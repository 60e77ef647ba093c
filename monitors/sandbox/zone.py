"""Own the contents of the zone and the answers from it. Pure: plan, key, faults and chance in, a message out."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.reversename
import dns.rrset

from monitors.sandbox.plan import API_NAME, DKIM_SELECTOR, DOMAIN, MTA_STS_NAME, SMTP_NAME, Plan

POOL_WEIGHTS = (2, 2, 1)
TTL = 60
POOL_TTL = 5  # short, as a pool that is to be steered by its weights needs
SERIAL = 2026010101
STRANGE_SERIAL = 2025010101
MTA_STS_ID = "20260101T000000"
MAX_AGE_S = 604_800
ORIGINS = tuple(dns.name.from_text(name) for name in (f"{DOMAIN}.", "test.", "127.in-addr.arpa."))
TIMEOUT, SERVFAIL, TRUNCATE, DROPPED, BROKEN = "timeout", "servfail", "truncate", "dropped", "broken"


@dataclass(frozen=True, slots=True)
class Entry:
    """One record set. `record` is the word that faults use for it; `broken` what it says when it is broken."""

    name: str
    kind: str
    values: tuple[str, ...]
    record: str = ""
    broken: tuple[str, ...] = ()
    ttl: int = TTL


@dataclass(frozen=True, slots=True)
class Zone:
    """All record sets by (name, type), and the names that exist without any."""

    entries: Mapping[tuple[dns.name.Name, dns.rdatatype.RdataType], Entry]
    names: frozenset[dns.name.Name]
    pool: tuple[str, ...] = field(default=())


def build(plan: Plan, dkim_public: str) -> Zone:
    pool = tuple(one.endpoint.host for one in plan.role("api"))
    entries = {
        (dns.name.from_text(entry.name), dns.rdatatype.from_text(entry.kind)): entry
        for entry in (*_hosts(plan), *_mail(plan, dkim_public), *_delegation(plan), *_reverse(plan))
    }
    names = {name.split(depth)[1] for name, _ in entries for depth in range(2, len(name) + 1)}
    return Zone(entries, frozenset(names), pool)


def _hosts(plan: Plan) -> Iterator[Entry]:
    yield Entry(API_NAME, "A", tuple(one.endpoint.host for one in plan.role("api")), "a", ("127.0.0.99",), POOL_TTL)
    smtp = [one.endpoint.host for one in plan.role("smtp")]
    yield Entry(SMTP_NAME, "A", tuple(dict.fromkeys(smtp)))
    for n, host in enumerate(smtp, start=1):
        yield Entry(f"mx{n}.{DOMAIN}", "A", (host,))
    for n, host in enumerate(plan.egress, start=1):
        yield Entry(f"out{n}.{DOMAIN}", "A", (host,))
    for n, server in enumerate(plan.name_servers, start=1):
        yield Entry(f"ns{n}.{DOMAIN}", "A", (server.host,))
    yield Entry(MTA_STS_NAME, "A", (plan.policy.host,))


def _mail(plan: Plan, dkim_public: str) -> Iterator[Entry]:
    spf = " ".join(f"ip4:{address}" for address in plan.egress)
    yield Entry(DOMAIN, "MX", (f"10 mx1.{DOMAIN}.", f"10 mx2.{DOMAIN}."), "mx", (f"10 gone.{DOMAIN}.",))
    yield Entry(DOMAIN, "TXT", (f"v=spf1 {spf} -all",), "spf", ("v=spf1 +all",))
    selector = f"{DKIM_SELECTOR}._domainkey.{DOMAIN}"
    yield Entry(selector, "TXT", (f"v=DKIM1; k=rsa; p={dkim_public}",), "dkim", ("v=DKIM1; k=rsa; p=not!a!key",))
    reports = f"rua=mailto:dmarc@{DOMAIN}"
    yield Entry(f"_dmarc.{DOMAIN}", "TXT", (f"v=DMARC1; p=reject; {reports}",), "dmarc", ("v=DMARC1; p=rejekt",))
    yield Entry(f"_mta-sts.{DOMAIN}", "TXT", (f"v=STSv1; id={MTA_STS_ID};",), "mta-sts", ("v=STSv1;",))
    tls_reports = f"v=TLSRPTv1; rua=mailto:tls@{DOMAIN}"
    yield Entry(f"_smtp._tls.{DOMAIN}", "TXT", (tls_reports,), "tls-rpt", ("v=TLSRPTv1; rua=nowhere",))


def _delegation(plan: Plan) -> Iterator[Entry]:
    servers = tuple(f"ns{n}.{DOMAIN}." for n, _ in enumerate(plan.name_servers, start=1))
    yield Entry(DOMAIN, "NS", servers, "ns", (*servers, f"ns9.{DOMAIN}."))
    soa, strange = (f"ns1.{DOMAIN}. hostmaster.{DOMAIN}. {n} 3600 600 604800 60" for n in (SERIAL, STRANGE_SERIAL))
    yield Entry(DOMAIN, "SOA", (soa,), "soa", (strange,))
    for origin in ("test", "127.in-addr.arpa"):
        yield Entry(origin, "SOA", (soa,))
        yield Entry(origin, "NS", servers)


def _reverse(plan: Plan) -> Iterator[Entry]:
    """Where the machine has one address only, it can have one name only: that of the first sender."""
    names = {one.endpoint.host: f"mx{n}" for n, one in enumerate(plan.role("smtp"), start=1)}
    names |= {host: f"out{n}" for n, host in enumerate(plan.egress, start=1)}
    for host, name in names.items():
        where = dns.reversename.from_address(host).to_text()
        yield Entry(where, "PTR", (f"{name}.{DOMAIN}.",), "ptr", (f"pool-{host.replace('.', '-')}.{DOMAIN}.",))


def policy(plan: Plan) -> str:
    """The MTA-STS policy (RFC 8461 section 3.2)."""
    hosts = "".join(f"mx: mx{n}.{DOMAIN}\r\n" for n, _ in enumerate(plan.role("smtp"), start=1))
    return f"version: STSv1\r\nmode: enforce\r\n{hosts}max_age: {MAX_AGE_S}\r\n"


def answer(
    zone: Zone,
    wire: bytes,
    ails: Mapping[str, str],
    weights: Sequence[int],
    *,
    is_udp: bool,
    server: int = 0,
    chance: random.Random | None = None,
) -> bytes | None:
    """The answer to one query on the wire; None for silence. `server` tells the name servers apart."""
    try:
        query = dns.message.from_wire(wire)
    except dns.exception.DNSException:
        return None
    if query.flags & dns.flags.QR or len(query.question) != 1 or query.opcode() != dns.opcode.QUERY:
        return None
    reply = dns.message.make_response(query)
    chance = chance or random.Random()  # noqa: S311 - a pool's turn, no secret
    ail = _fill(zone, reply, ails, weights=weights or POOL_WEIGHTS, server=server, chance=chance)
    if ail == TIMEOUT:
        return None
    return _wire(query, reply, is_udp=is_udp, is_cut=ail == TRUNCATE)


def _fill(
    zone: Zone,
    reply: dns.message.Message,
    ails: Mapping[str, str],
    *,
    weights: Sequence[int],
    server: int,
    chance: random.Random,
) -> str:
    """Put the sections into the reply; give what ails the record asked for."""
    name, kind = reply.question[0].name, reply.question[0].rdtype
    origin = next((origin for origin in ORIGINS if name.is_subdomain(origin)), None)
    if origin is None:
        reply.set_rcode(dns.rcode.REFUSED)
        return ""
    reply.flags |= dns.flags.AA
    entry = zone.entries.get((name, kind))
    ail = ails.get(entry.record if entry else "", ails.get("all", ""))
    if ail == SERVFAIL:
        reply.set_rcode(dns.rcode.SERVFAIL)
        reply.flags &= ~dns.flags.AA
    elif entry is None or ail == DROPPED:
        _deny(zone, reply, origin, is_dropped=ail == DROPPED)
    else:
        values = _values(zone, entry, weights, server, chance, is_broken=ail == BROKEN)
        reply.answer.append(_rrset(name, entry, values))
    return ail


def _values(
    zone: Zone, entry: Entry, weights: Sequence[int], server: int, chance: random.Random, *, is_broken: bool
) -> Sequence[str]:
    """A pool member by its weight, or what the entry says; a broken SOA is that of the second server alone."""
    if is_broken and entry.broken and (entry.record != "soa" or server > 0):
        return entry.broken
    if entry.record == "a":
        return chance.choices(zone.pool, weights)
    return entry.values


def _deny(zone: Zone, reply: dns.message.Message, origin: dns.name.Name, *, is_dropped: bool) -> None:
    """No such data, or no such name (RFC 2308 section 2): the SOA in the authority section either way."""
    name = reply.question[0].name
    remaining = [
        key for key in zone.entries if key[0] == name and not (is_dropped and key[1] == reply.question[0].rdtype)
    ]
    has_below = any(other.is_subdomain(name) and other != name for other in zone.names)
    if not remaining and not has_below:
        reply.set_rcode(dns.rcode.NXDOMAIN)
    soa = zone.entries[(origin, dns.rdatatype.SOA)]
    reply.authority.append(_rrset(origin, soa, soa.values))


def _rrset(name: dns.name.Name, entry: Entry, values: Sequence[str]) -> dns.rrset.RRset:
    texts = [_quoted(value) for value in values] if entry.kind == "TXT" else values
    return dns.rrset.from_text_list(name, entry.ttl, "IN", entry.kind, texts)


def _quoted(text: str) -> str:
    """A TXT value in strings of at most 255 octets (RFC 1035 section 3.3)."""
    return " ".join(f'"{text[start : start + 255]}"' for start in range(0, len(text), 255))


def _wire(query: dns.message.Message, reply: dns.message.Message, *, is_udp: bool, is_cut: bool) -> bytes:
    if not is_udp:
        return reply.to_wire(max_size=65_535)
    if not is_cut:
        try:
            return reply.to_wire(max_size=max(512, query.payload))
        except dns.exception.TooBig:
            pass
    reply.answer.clear()
    reply.authority.clear()
    reply.flags |= dns.flags.TC
    return reply.to_wire()
