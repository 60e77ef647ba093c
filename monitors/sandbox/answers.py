"""Own the answers from the zone. Pure: a query on the wire, faults and chance in; the reply on the wire out."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from functools import lru_cache

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.rrset

from monitors.sandbox.zone import ORIGINS, POOL_WEIGHTS, Entry, Zone

CHANCE = random.Random()  # noqa: S311 - a pool's turn, no secret
TIMEOUT, SERVFAIL, TRUNCATE, DROPPED, BROKEN = "timeout", "servfail", "truncate", "dropped", "broken"


def answer(
    zone: Zone,
    wire: bytes,
    ails: Mapping[str, str],
    weights: Sequence[int],
    *,
    is_udp: bool,
    server: int = 0,
    chance: random.Random = CHANCE,
) -> bytes | None:
    """The answer to one query on the wire; None for silence. `server` tells the name servers apart."""
    try:
        query = dns.message.from_wire(wire)
    except dns.exception.DNSException:
        return None
    if query.flags & dns.flags.QR or len(query.question) != 1 or query.opcode() != dns.opcode.QUERY:
        return None
    reply = dns.message.make_response(query)
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
) -> tuple[str, ...]:
    """A pool member by its weight, or what the entry says; a broken SOA is that of the second server alone."""
    if is_broken and entry.broken and (entry.record != "soa" or server > 0):
        return entry.broken
    if entry.record == "a":
        return tuple(chance.choices(zone.pool, weights))
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


@lru_cache(maxsize=512)
def _rrset(name: dns.name.Name, entry: Entry, values: tuple[str, ...]) -> dns.rrset.RRset:
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
