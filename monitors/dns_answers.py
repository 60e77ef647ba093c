"""Own the reading of DNS answers: wire in, the records of one name out, as the texts that evaluators read.

Reading into message objects costs more than asking: they are made on demand, by those who show an answer whole.
A test holds this reading against dnspython's, message by message.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass

import dns.exception
import dns.name
import dns.rdata
import dns.rdataclass
import dns.rdatatype

HEADER = struct.Struct("!HHHHHH")
RECORD = struct.Struct("!HHIH")
CLASS_IN = 1
CNAME, SOA = 5, 6
JUMPS_LIMIT = 64
"""Compression pointers in one name: a name has at most 127 labels, and pointers to pointers are hostile."""
RECORDS_LIMIT = 4_000
"""What fits 64 kB; a count that claims more lies."""
PLAIN_LABEL = re.compile(rb"[a-z0-9_-]+")


class MalformedError(Exception):
    """The answer cannot be read: {reason}."""


@dataclass(frozen=True, slots=True)
class Record:
    """`name` and the names in `value` in lower case, without the last dot."""

    name: str
    rdtype: int
    ttl_s: int
    value: str


@dataclass(frozen=True, slots=True)
class Reading:
    """What a message says: its code, its answer section, and for how long a denial holds (RFC 2308 section 5)."""

    rcode: int
    flags: int
    records: tuple[Record, ...]
    denial_ttl_s: int | None


def read_answer(wire: bytes) -> Reading:
    """Raises MalformedError for what does not keep to RFC 1035 section 4."""
    try:
        return _Reader(wire).read()
    except (struct.error, IndexError, ValueError, OSError, dns.exception.DNSException) as error:
        raise MalformedError(f"{type(error).__name__}: {error}") from error


def records_of(reading: Reading, name: str, rdtype: str) -> tuple[tuple[str, ...], tuple[str, ...], int | None]:
    """(values, aliases, ttl) of a name: sorted, without twins; CNAMEs inside the answer are followed."""
    wanted = int(dns.rdatatype.from_text(rdtype))
    owner = name.lower().rstrip(".") or "."
    aliases: list[str] = []
    ttls: list[int] = []
    while True:
        found = [one for one in reading.records if one.rdtype == wanted and one.name == owner]
        if found:
            values = tuple(sorted({one.value for one in found}))
            return values, tuple(aliases), min([*ttls, *(one.ttl_s for one in found)])
        alias = next((one for one in reading.records if one.rdtype == CNAME and one.name == owner), None)
        if alias is None or len(aliases) > len(reading.records):
            denied = [] if reading.denial_ttl_s is None else [reading.denial_ttl_s]
            return (), tuple(aliases), min([*ttls, *denied], default=None)
        ttls.append(alias.ttl_s)
        owner = alias.value
        aliases.append(owner)


class _Reader:
    def __init__(self, wire: bytes) -> None:
        self._wire = wire
        self._names: dict[int, str] = {}

    def read(self) -> Reading:
        _, flags, questions, answers, authorities, additional = HEADER.unpack_from(self._wire)
        if answers + authorities + additional > RECORDS_LIMIT:
            raise MalformedError(f"it claims {answers + authorities + additional} records")
        at = HEADER.size
        for _ in range(questions):
            at = self._name(at)[1] + 4
        found: list[Record] = []
        for _ in range(answers):
            record, at = self._record(at)
            if record is not None:
                found.append(record)
        denial = None if found else self._denial_ttl(at, authorities, additional)
        return Reading(flags & 0x000F, flags, tuple(found), denial)

    def _record(self, at: int) -> tuple[Record | None, int]:
        """One record and where the next begins; None for a class that is not the Internet's."""
        name, at = self._name(at)
        rdtype, rdclass, ttl_s, size = RECORD.unpack_from(self._wire, at)
        at += RECORD.size
        if at + size > len(self._wire):
            raise MalformedError("a record runs beyond the end")
        if rdclass != CLASS_IN:
            return None, at + size
        read = READERS.get(rdtype, _Reader._other)
        # A TTL with the highest bit set counts as zero (RFC 2181 section 8).
        return Record(name, rdtype, ttl_s if ttl_s < 2**31 else 0, read(self, at, size, rdtype)), at + size

    def _denial_ttl(self, at: int, authorities: int, additional: int) -> int | None:
        """From the SOA beside it. A denial is read to its end: it is believed as much as records are."""
        ttl_s = None
        for number in range(authorities + additional):
            record, at = self._record(at)
            if record is not None and record.rdtype == SOA and number < authorities:
                ttl_s = min(record.ttl_s, int(record.value.split()[-1]))
        if at != len(self._wire):
            raise MalformedError("something follows its end")
        return ttl_s

    def _name(self, at: int) -> tuple[str, int]:
        """A name and where it ends; pointers lead backwards only (RFC 1035 section 4.1.4)."""
        known = self._names.get(at)
        if known is not None and self._wire[at] >= 0xC0:
            return known, at + 2
        labels: list[str] = []
        begin, end, limit, size = at, 0, at, 0
        while True:
            length = self._wire[at]
            if length >= 0xC0:
                end = end or at + 2
                at = (length & 0x3F) << 8 | self._wire[at + 1]
                if at >= limit or len(labels) > JUMPS_LIMIT * 2:
                    raise MalformedError("a compressed name leads astray")
                limit = at
                continue
            if length > 63:
                raise MalformedError("a label of an unknown kind")
            if length == 0:
                break
            label = self._wire[at + 1 : at + 1 + length]
            size += length + 1
            if len(label) < length or size > 254:
                raise MalformedError("a name is too long")
            labels.append(_label(label))
            at += length + 1
        name = ".".join(labels) or "."
        self._names[begin] = name
        return name, end or at + 1

    # Values, by type.

    def _a(self, at: int, size: int, _: int) -> str:
        if size != 4:
            raise MalformedError("an address of the wrong size")
        return socket.inet_ntoa(self._wire[at : at + 4])

    def _aaaa(self, at: int, size: int, _: int) -> str:
        return str(ipaddress.IPv6Address(self._wire[at : at + size]))

    def _target(self, at: int, size: int, _: int) -> str:
        return self._whole_name(at, at + size)

    def _whole_name(self, at: int, end: int) -> str:
        name, ended = self._name(at)
        if ended != end:
            raise MalformedError("a name does not fill its record")
        return name

    def _mx(self, at: int, size: int, _: int) -> str:
        return f"{int.from_bytes(self._wire[at : at + 2], 'big')} {self._whole_name(at + 2, at + size)}"

    def _soa(self, at: int, size: int, _: int) -> str:
        mname, middle = self._name(at)
        rname, middle = self._name(middle)
        if middle + 20 != at + size:
            raise MalformedError("an SOA of the wrong size")
        return f"{mname} {rname} {' '.join(map(str, struct.unpack_from('!IIIII', self._wire, middle)))}"

    def _txt(self, at: int, size: int, _: int) -> str:
        """The strings joined with nothing between."""
        end, chunks = at + size, []
        while at < end:
            length = self._wire[at]
            chunks.append(self._wire[at + 1 : at + 1 + length])
            at += length + 1
        if at != end:
            raise MalformedError("a string runs beyond its record")
        return printable(b"".join(chunks).decode("utf-8", "backslashreplace"))

    def _tlsa(self, at: int, size: int, _: int) -> str:
        usage, selector, matching = self._wire[at : at + 3]
        return f"{usage} {selector} {matching} {self._wire[at + 3 : at + size].hex()}"

    def _other(self, at: int, size: int, rdtype: int) -> str:
        rdata = dns.rdata.from_wire(dns.rdataclass.IN, dns.rdatatype.RdataType.make(rdtype), self._wire, at, size)
        return printable(rdata.to_text())


READERS: dict[int, Callable[[_Reader, int, int, int], str]] = {
    1: _Reader._a,
    2: _Reader._target,
    CNAME: _Reader._target,
    SOA: _Reader._soa,
    12: _Reader._target,
    15: _Reader._mx,
    16: _Reader._txt,
    28: _Reader._aaaa,
    52: _Reader._tlsa,
    99: _Reader._txt,
}


def value_of(rdata: dns.rdata.Rdata) -> str:
    """A record that was written by people, in the spelling of answers; its names are taken as absolute."""
    wire = rdata.to_wire(origin=dns.name.root) or b""
    rdtype = int(rdata.rdtype)
    return READERS.get(rdtype, _Reader._other)(_Reader(wire), 0, len(wire), rdtype)


def _label(label: bytes) -> str:
    label = label.lower()
    if PLAIN_LABEL.fullmatch(label):
        return label.decode()
    return dns.name.Name([label]).to_text()


def printable(text: str) -> str:
    """Control characters written out: a terminal must not obey them, and the database stores no NUL."""
    if text.isprintable():
        return text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
