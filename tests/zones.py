"""Own zones as tests write them: one record a line, faults beside the records, served on loopback or read at once."""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.rcode
import dns.rdata
import dns.rdataclass
import dns.rdatatype
import dns.rrset
from dns.rdtypes.ANY.TXT import TXT

from monitors.mail_dns.facts import (
    CertificateQuestion,
    Certificates,
    DnsQuestion,
    Fact,
    Policy,
    PolicyQuestion,
    Question,
    ServerQuestion,
)
from monitors.resolver import Answer, Endpoint, Status, Via, answer_of, read_reply

FAULTS = {
    "SERVFAIL",
    "REFUSED",
    "SILENT",
    "NOTIMP",
    "GARBAGE",
    "LAME",
    "WRONG-ID",
    "WRONG-QUESTION",
    "TRUNCATE",
    "NO-EDNS",
}
TTL_S = 300


@dataclass(slots=True)
class Zone:
    """Records by (name, type), faults by name (`*` for all). A name without records or children is NXDOMAIN."""

    records: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    faults: dict[str, str] = field(default_factory=dict)
    ttl_s: int = TTL_S

    def has(self, name: str) -> bool:
        return any(owner == name or owner.endswith("." + name) for owner, _ in self.records)


def zone(text: str) -> Zone:
    """`name TYPE value` a line; `name ! FAULT` for a name that answers badly; `#` starts a comment line."""
    made = Zone()
    for line in filter(None, map(str.strip, text.splitlines())):
        if line.startswith("#"):
            continue
        name, kind, value = [*line.split(None, 2), ""][:3]
        name = name.lower().rstrip(".")
        if kind == "!":
            assert value in FAULTS, line
            made.faults[name] = value
        else:
            made.records.setdefault((name, kind), []).append(value.strip('"') if kind == "TXT" else value)
    return made


def _rdata(kind: str, value: str) -> dns.rdata.Rdata:
    if kind == "TXT":
        raw = value.encode()
        chunks = [raw[at : at + 255] for at in range(0, len(raw), 255)] or [b""]
        return TXT(dns.rdataclass.IN, dns.rdatatype.TXT, chunks)
    return dns.rdata.from_text(
        dns.rdataclass.IN, dns.rdatatype.from_text(kind), value, origin=dns.name.root, relativize=False
    )


def response(
    made: Zone, query: dns.message.Message, *, authoritative: bool = False, validating: bool = False
) -> dns.message.Message:
    """The answer that a correct server gives, CNAMEs inside the zone followed."""
    question = query.question[0]
    answer = dns.message.make_response(query, recursion_available=not authoritative)
    answer.flags |= (dns.flags.AA if authoritative else 0) | (dns.flags.AD if validating else 0)
    name, kind = question.name.to_text(omit_final_dot=True).lower(), dns.rdatatype.to_text(question.rdtype)
    for _ in range(10):
        values = made.records.get((name, kind))
        alias = made.records.get((name, "CNAME"))
        if values is not None or not alias:
            break
        _add(answer, name, "CNAME", alias, made.ttl_s)
        name = alias[0].lower().rstrip(".")
    if values is not None:
        _add(answer, name, kind, values, made.ttl_s)
    elif not made.has(name):
        answer.set_rcode(dns.rcode.NXDOMAIN)
    return answer


def _add(answer: dns.message.Message, name: str, kind: str, values: list[str], ttl_s: int) -> None:
    rrset = dns.rrset.RRset(dns.name.from_text(name), dns.rdataclass.IN, dns.rdatatype.from_text(kind))
    rrset.update_ttl(ttl_s)
    for value in values:
        rrset.add(_rdata(kind, value))
    answer.answer.append(rrset)


class ZoneServer:
    """A DNS server on loopback, UDP and TCP on one port. `zone` may be changed while it runs."""

    def __init__(self, made: Zone, *, authoritative: bool = False, validating: bool = False) -> None:
        self.zone = made
        self.authoritative = authoritative
        self.validating = validating
        self.asked: list[tuple[str, str, str]] = []
        self._udp, self._tcp = _bound_pair()
        self.port: int = self._udp.getsockname()[1]
        self._is_stopping = False
        self._threads = [threading.Thread(target=loop, daemon=True) for loop in (self._serve_udp, self._serve_tcp)]

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Wake both threads out of their reads, then close: closing alone would leave them blocked."""
        self._is_stopping = True
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", ("127.0.0.1", self.port))
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
        for thread in self._threads:
            thread.join(5)
        self._udp.close()
        self._tcp.close()

    def reply(self, wire: bytes, via: str) -> bytes | None:
        query = dns.message.from_wire(wire)
        name = query.question[0].name.to_text(omit_final_dot=True).lower()
        self.asked.append((name, dns.rdatatype.to_text(query.question[0].rdtype), via))
        answer = response(self.zone, query, authoritative=self.authoritative, validating=self.validating)
        fault = self.zone.faults.get(name) or self.zone.faults.get("*")
        if fault == "NO-EDNS":
            return answer.to_wire() if query.edns < 0 else _refused_for_its_form(query)
        if fault not in {None, "TRUNCATE"}:
            return _spoilt(fault or "", answer)
        if via == "udp" and (fault == "TRUNCATE" or len(answer.to_wire(max_size=65_535)) > 1232):
            answer.answer.clear()
            answer.flags |= dns.flags.TC
        return answer.to_wire(max_size=65_535)

    def _serve_udp(self) -> None:
        while True:
            wire, sender = self._udp.recvfrom(65_535)
            if self._is_stopping:
                return
            answer = self.reply(wire, "udp")
            if answer is not None:
                self._udp.sendto(answer, sender)

    def _serve_tcp(self) -> None:
        while True:
            connection, _ = self._tcp.accept()
            with connection, contextlib.suppress(OSError):
                if self._is_stopping:
                    return
                head = connection.recv(2, socket.MSG_WAITALL)
                wire = connection.recv(struct.unpack("!H", head)[0], socket.MSG_WAITALL) if len(head) == 2 else b""
                answer = self.reply(wire, "tcp") if wire else None
                if answer is not None:
                    connection.sendall(struct.pack("!H", len(answer)) + answer)


def _bound_pair() -> tuple[socket.socket, socket.socket]:
    """A UDP and a TCP socket on the same free port: another process may hold the TCP twin, so try again."""
    for _ in range(50):
        udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        tcp = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        udp.bind(("127.0.0.1", 0))
        try:
            tcp.bind(udp.getsockname())
        except OSError:
            udp.close()
            tcp.close()
            continue
        tcp.listen(64)
        return udp, tcp
    raise AssertionError("no port is free for both UDP and TCP")


def _refused_for_its_form(query: dns.message.Message) -> bytes:
    """A server older than EDNS answers with a bare header."""
    return struct.pack("!HHHHHH", query.id, dns.flags.QR | dns.rcode.FORMERR, 0, 0, 0, 0)


def _spoilt(fault: str, answer: dns.message.Message) -> bytes | None:
    if fault == "SILENT":
        return None
    if fault == "GARBAGE":
        name_and_type = len(answer.question[0].name.to_wire() or b"") + 4
        return answer.to_wire(max_size=65_535)[: 12 + name_and_type] + b"\xff" * 30
    if fault == "WRONG-ID":
        answer.id = (answer.id + 1) % 65_536
    elif fault == "WRONG-QUESTION":
        answer.question[0].name = dns.name.from_text("other.example.net")
    elif fault == "LAME":
        answer.answer.clear()
        answer.flags &= ~(dns.flags.AA | dns.flags.RA)
        answer.set_rcode(dns.rcode.NOERROR)
    else:
        answer.answer.clear()
        answer.set_rcode(dns.rcode.from_text(fault))
    return answer.to_wire(max_size=65_535)


class ZoneFacts:
    """The facts that a zone gives, without a wire: what evaluators are tested on."""

    STATUS_BY_FAULT = {
        "SERVFAIL": Status.SERVFAIL,
        "REFUSED": Status.REFUSED,
        "SILENT": Status.TIMEOUT,
        "NOTIMP": Status.ERROR,
        "GARBAGE": Status.MALFORMED,
        "LAME": Status.LAME,
    }

    def __init__(
        self,
        made: Zone,
        *,
        servers: Mapping[str, Zone] | None = None,
        policies: Mapping[str, Policy] | None = None,
        certificates: Mapping[str, Certificates] | None = None,
        validating: bool = False,
    ) -> None:
        self._zone, self._validating = made, validating
        self._servers, self._policies, self._certificates = servers or {}, policies or {}, certificates or {}

    def get(self, question: Question) -> Fact:
        match question:
            case DnsQuestion(name, rdtype):
                return self._answer(self._zone, name, rdtype, authoritative=False)
            case ServerQuestion(address, name, rdtype):
                return self._answer(self._servers.get(address, self._zone), name, rdtype, authoritative=True)
            case PolicyQuestion(domain):
                return self._policies.get(domain, Policy(error="connection refused"))
            case CertificateQuestion(host):
                return self._certificates.get(host, Certificates(error="connection refused"))

    def _answer(self, made: Zone, name: str, rdtype: str, *, authoritative: bool) -> Answer:
        fault = made.faults.get(name) or made.faults.get("*")
        if fault is not None:
            return Answer(name, rdtype, self.STATUS_BY_FAULT[fault], rcode=fault)
        try:
            query = dns.message.make_query(name, rdtype)
        except dns.exception.DNSException:
            return Answer(name, rdtype, Status.NXDOMAIN)
        message = response(made, query, authoritative=authoritative, validating=self._validating)
        reply = read_reply(Endpoint("192.0.2.53"), Via.UDP, message.to_wire(max_size=65_535), 1.0)
        return answer_of(reply, name, rdtype)


@contextmanager
def serving(made: Zone, *, authoritative: bool = False, validating: bool = False) -> Iterator[ZoneServer]:
    server = ZoneServer(made, authoritative=authoritative, validating=validating)
    server.start()
    try:
        yield server
    finally:
        server.stop()
