"""The zone answers as an authoritative server must, and errs as told."""

from __future__ import annotations

import base64
import random
from collections import Counter

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import pytest
import requests
from cryptography.hazmat.primitives.serialization import load_der_public_key
from hypothesis import given
from hypothesis import strategies as st

from monitors.sandbox import answers
from monitors.sandbox import zone as zones
from monitors.sandbox.faults import RECORDS
from monitors.sandbox.plan import DOMAIN, MTA_STS_NAME, Plan
from tests.sandbox.running import Sandbox

PLAN = Plan(8700, spread=True)
ZONE = zones.build(PLAN, "cHVibGlj" * 60)
NAME_BY_RECORD = {
    "a": (f"api.{DOMAIN}", "A"),
    "mx": (DOMAIN, "MX"),
    "spf": (DOMAIN, "TXT"),
    "dkim": (f"s1._domainkey.{DOMAIN}", "TXT"),
    "dmarc": (f"_dmarc.{DOMAIN}", "TXT"),
    "mta-sts": (f"_mta-sts.{DOMAIN}", "TXT"),
    "tls-rpt": (f"_smtp._tls.{DOMAIN}", "TXT"),
    "ptr": ("51.0.0.127.in-addr.arpa", "PTR"),
    "ns": (DOMAIN, "NS"),
    "soa": (DOMAIN, "SOA"),
}


def ask(
    name: str,
    kind: str,
    ails: dict[str, str] | None = None,
    *,
    weights: tuple[int, ...] = (),
    is_udp: bool = True,
    server: int = 0,
    chance: random.Random = answers.CHANCE,
    edns: int = 1232,
) -> dns.message.Message | None:
    query = dns.message.make_query(name, kind, use_edns=0 if edns else None, payload=edns)
    wire = answers.answer(ZONE, query.to_wire(), ails or {}, weights, is_udp=is_udp, server=server, chance=chance)
    return None if wire is None else dns.message.from_wire(wire)


@pytest.mark.parametrize(
    ("name", "kind", "rcode", "answers"),
    [
        pytest.param(f"API.{DOMAIN}", "A", dns.rcode.NOERROR, 1, id="names have no case"),
        pytest.param(DOMAIN, "AAAA", dns.rcode.NOERROR, 0, id="no such data"),
        pytest.param(f"_domainkey.{DOMAIN}", "TXT", dns.rcode.NOERROR, 0, id="a name between others exists"),
        pytest.param(f"nothing.{DOMAIN}", "A", dns.rcode.NXDOMAIN, 0, id="no such name"),
        pytest.param("_dmarc.test", "TXT", dns.rcode.NXDOMAIN, 0, id="the parent, for the DMARC tree walk"),
        pytest.param("99.9.0.127.in-addr.arpa", "PTR", dns.rcode.NXDOMAIN, 0, id="no such address"),
        pytest.param("example.com", "A", dns.rcode.REFUSED, 0, id="not ours"),
    ],
)
def test_endings_are_told_apart(name: str, kind: str, rcode: dns.rcode.Rcode, answers: int) -> None:
    reply = ask(name, kind)
    assert reply is not None
    assert (reply.rcode(), len(reply.answer)) == (rcode, answers)
    assert bool(reply.flags & dns.flags.AA) == (rcode != dns.rcode.REFUSED)
    assert bool(reply.authority) == (not answers and rcode != dns.rcode.REFUSED)


@pytest.mark.parametrize("record", RECORDS)
def test_every_record_can_ail_and_leaves_the_others_well(record: str) -> None:
    name, kind = NAME_BY_RECORD[record]
    healthy = ask(name, kind)
    assert ask(name, kind, {record: "timeout"}) is None
    failing = ask(name, kind, {record: "servfail"})
    assert failing is not None
    assert failing.rcode() == dns.rcode.SERVFAIL
    dropped, broken = ask(name, kind, {record: "dropped"}), ask(name, kind, {record: "broken"}, server=1)
    assert healthy is not None
    assert dropped is not None
    assert broken is not None
    assert dropped.answer == []
    assert broken.answer != healthy.answer
    other = ask(*NAME_BY_RECORD["spf" if record != "spf" else "dkim"], {record: "timeout"})
    assert other is not None
    assert other.answer


def test_a_broken_soa_is_that_of_the_second_server_alone() -> None:
    first, second = (ask(DOMAIN, "SOA", {"soa": "broken"}, server=server) for server in (0, 1))
    assert first is not None
    assert second is not None
    assert first.answer != second.answer


def test_a_cut_answer_says_so_over_udp_and_is_whole_over_tcp() -> None:
    cut, whole = (ask(DOMAIN, "TXT", {"all": "truncate"}, is_udp=is_udp) for is_udp in (True, False))
    assert cut is not None
    assert whole is not None
    assert cut.flags & dns.flags.TC
    assert not cut.answer
    assert whole.answer


def test_an_answer_too_large_for_a_client_without_edns_is_cut() -> None:
    reply = ask(f"s1._domainkey.{DOMAIN}", "TXT", edns=0)  # RFC 1035 section 4.2.1: 512 octets
    assert reply is not None
    assert reply.flags & dns.flags.TC


@pytest.mark.parametrize(
    ("weights", "expected"),
    [pytest.param((), (0.4, 0.4, 0.2), id="as declared"), pytest.param((0, 0, 1), (0, 0, 1), id="drifted")],
)
def test_the_pool_is_answered_by_its_weights(weights: tuple[int, ...], expected: tuple[float, ...]) -> None:
    chance = random.Random(7)
    seen = Counter(
        str(reply.answer[0][0])
        for _ in range(500)
        if (reply := ask("api.sandbox.test", "A", weights=weights, chance=chance))
    )
    shares = [seen[f"127.0.0.{last}"] / 500 for last in (11, 12, 13)]
    assert shares == pytest.approx(expected, abs=0.08)


@pytest.mark.parametrize("wire", [b"", b"\x00" * 11, b"\xff" * 40, b"GET / HTTP/1.1\r\n\r\n"])
def test_rubbish_gets_silence(wire: bytes) -> None:
    assert answers.answer(ZONE, wire, {}, (), is_udp=True) is None


@given(st.binary(max_size=80), st.integers(0, 40), st.integers(0, 255))
def test_no_bytes_on_the_wire_make_it_stumble(rubbish: bytes, position: int, value: int) -> None:
    answers.answer(ZONE, rubbish, {}, (), is_udp=True)
    query = bytearray(dns.message.make_query(f"api.{DOMAIN}", "A", use_edns=0, payload=1232).to_wire())
    query[position % len(query)] = value
    answers.answer(ZONE, bytes(query) + rubbish, {}, (), is_udp=False)


def test_both_name_servers_answer_over_udp_and_tcp(sandbox: Sandbox) -> None:
    query = dns.message.make_query(f"s1._domainkey.{DOMAIN}", "TXT")
    replies = [
        ask_by(query, at.host, port=at.port, timeout=2)
        for at in sandbox.plan.name_servers
        for ask_by in (dns.query.udp, dns.query.tcp)
    ]
    assert len({str(reply.answer[0]) for reply in replies}) == 1
    text = b"".join(replies[0].answer[0][0].strings).decode()
    assert load_der_public_key(base64.b64decode(text.partition("p=")[2])) is not None


def test_dns_faults_are_seen_on_the_wire_and_mended(sandbox: Sandbox) -> None:
    at = sandbox.plan.name_servers[0]
    query = dns.message.make_query(f"_dmarc.{DOMAIN}", "TXT")
    sandbox.break_("record-dropped", record="dmarc")
    assert dns.query.udp(query, at.host, 2, at.port).rcode() == dns.rcode.NXDOMAIN
    sandbox.break_("dns-servfail", record="spf")
    spf = dns.message.make_query(DOMAIN, "TXT")
    assert dns.query.udp(spf, at.host, 2, at.port).rcode() == dns.rcode.SERVFAIL
    sandbox.mend("record-dropped")
    assert dns.query.udp(query, at.host, 2, at.port).answer
    sandbox.break_("dns-timeout")
    with pytest.raises(dns.exception.Timeout):
        dns.query.udp(query, at.host, 0.3, at.port)
    sandbox.mend("all")
    assert dns.query.udp(spf, at.host, 2, at.port).answer


def test_truncated_answers_are_whole_again_when_mended(sandbox: Sandbox) -> None:
    at = sandbox.plan.name_servers[1]
    query = dns.message.make_query(DOMAIN, "MX")
    sandbox.break_("dns-truncate", record="mx")
    assert dns.query.udp(query, at.host, 2, at.port).flags & dns.flags.TC
    assert dns.query.udp_with_fallback(query, at.host, 2, at.port) == (dns.query.tcp(query, at.host, 2, at.port), True)
    sandbox.mend("dns-truncate")
    assert dns.query.udp(query, at.host, 2, at.port).answer


def test_a_drifting_pool_answers_one_address_only(sandbox: Sandbox) -> None:
    at = sandbox.plan.name_servers[0]
    query = dns.message.make_query(f"api.{DOMAIN}", "A")
    sandbox.break_("pool-drift", weights="0,1,0")
    assert {str(dns.query.udp(query, at.host, 2, at.port).answer[0][0]) for _ in range(20)} == {"127.0.0.12"}
    sandbox.mend("pool-drift")
    assert len({str(dns.query.udp(query, at.host, 2, at.port).answer[0][0]) for _ in range(60)}) > 1


def test_the_mta_sts_policy_is_served_under_its_name(sandbox: Sandbox) -> None:
    at = sandbox.plan.policy
    url = f"https://{MTA_STS_NAME}:{at.port}/.well-known/mta-sts.txt"
    with sandbox.session(MTA_STS_NAME, at) as session:
        reply = session.get(url, timeout=5)
        assert reply.headers["content-type"].startswith("text/plain")
        assert reply.text.splitlines()[:2] == ["version: STSv1", "mode: enforce"]
    sandbox.break_("expired-certificate", "dns")
    with sandbox.session(MTA_STS_NAME, at) as session, pytest.raises(requests.exceptions.SSLError, match="expired"):
        session.get(url, timeout=5)
