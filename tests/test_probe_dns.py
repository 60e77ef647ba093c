"""The dns kind: a record set, its code and its authority against expectation, and every bad answer named."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from pydantic import ValidationError

from monitors.probes import KINDS, Check
from monitors.reasons import REASONS
from monitors.results import ProbeResult, Result
from tests.peers import Nsd, Unbound
from tests.zones import Zone, serving, zone
from tests.zoo import refusing

ZONE = """
api.example A 192.0.2.1
api.example A 192.0.2.2
api.example AAAA 2001:db8::1
mail.example MX 10 mx1.mail.example.
mail.example TXT "v=spf1 -all"
long.example TXT {long}
empty.example TXT x
fails.example ! SERVFAIL
refuses.example ! REFUSED
silent.example ! SILENT
garbage.example ! GARBAGE
forged.example ! WRONG-ID
elsewhere.example ! WRONG-QUESTION
lame.example ! LAME
cut.example ! TRUNCATE
cut.example A 192.0.2.9
""".replace("{long}", "k" * 600)


def asked(timeout_s: float = 1.0, *, is_authority: bool = False, **options: Any) -> ProbeResult:
    with serving(zone(ZONE), authoritative=is_authority) as server:
        return probed(timeout_s, server=server.address, **options)


def probed(timeout_s: float = 1.0, **options: Any) -> ProbeResult:
    kind = KINDS["dns"]
    check = Check(1, "dns", "dns", timeout_s, 10.0, kind.options.model_validate(options))
    result = asyncio.run(kind.run(check))
    assert result.reason in REASONS
    return result


A = {"query": "api.example"}
WELL = [
    pytest.param(A, id="any records"),
    pytest.param(A | {"expect": {"records": ["192.0.2.2", "192.0.2.1"]}}, id="the whole set in any order"),
    pytest.param(A | {"expect": {"includes": ["192.0.2.1"]}}, id="part of the set"),
    pytest.param(A | {"transport": "tcp"}, id="over TCP"),
    pytest.param(A | {"type": "AAAA", "expect": {"records": ["2001:DB8:0::1"]}}, id="IPv6 in another spelling"),
    pytest.param(
        {"query": "mail.example", "type": "MX", "expect": {"records": ["10 MX1.mail.example"]}}, id="MX without dot"
    ),
    pytest.param({"query": "mail.example", "type": "TXT", "expect": {"matches": "^v=spf1"}}, id="a pattern"),
    pytest.param(
        {"query": "long.example", "type": "TXT", "expect": {"records": ["k" * 600]}}, id="chunks joined with nothing"
    ),
    pytest.param({"query": "cut.example", "expect": {"records": ["192.0.2.9"]}}, id="truncated, fetched over TCP"),
    pytest.param({"query": "no.example", "expect": {"rcode": "NXDOMAIN"}}, id="NXDOMAIN as expected"),
    pytest.param({"query": "empty.example", "expect": {"min_records": 0}}, id="no records as expected"),
]


@pytest.mark.parametrize("options", WELL)
def test_an_answer_as_expected_is_ok(options: dict[str, Any]) -> None:
    result = asked(**options)
    assert (result.result, result.reason) == (Result.OK, "ok"), result
    assert result.latency_ms


WRONG = [
    pytest.param(
        A | {"expect": {"records": ["192.0.2.1"]}}, "dns_records_differ", "unexpected 192.0.2.2", id="one too many"
    ),
    pytest.param(
        A | {"expect": {"includes": ["192.0.2.7"]}}, "dns_records_differ", "missing 192.0.2.7", id="one missing"
    ),
    pytest.param(
        A | {"expect": {"excludes": ["192.0.2.2"]}}, "dns_records_differ", "must not hold", id="one forbidden"
    ),
    pytest.param(A | {"expect": {"matches": "^203"}}, "dns_records_differ", "no record matches", id="pattern"),
    pytest.param(A | {"expect": {"authenticated": True}}, "dns_not_authenticated", "DNSSEC", id="not authenticated"),
    pytest.param({"query": "empty.example"}, "dns_empty", "0 records", id="the name without the type"),
    pytest.param({"query": "no.example"}, "dns_nxdomain", "[rcode] (NXDOMAIN) == NOERROR", id="no such name"),
    pytest.param({"query": "fails.example"}, "dns_servfail", "SERVFAIL", id="SERVFAIL"),
    pytest.param({"query": "refuses.example"}, "dns_refused", "REFUSED", id="REFUSED"),
    pytest.param({"query": "silent.example"}, "timeout", "does not answer", id="silence"),
    pytest.param({"query": "garbage.example"}, "dns_malformed", "broken", id="garbage"),
    pytest.param(
        {"query": "forged.example"}, "timeout", "does not answer", id="an answer with another id is no answer"
    ),
    pytest.param({"query": "elsewhere.example"}, "timeout", "does not answer", id="an answer to another question"),
    pytest.param(
        {"query": "elsewhere.example", "transport": "tcp"}, "dns_malformed", "another question", id="the same over TCP"
    ),
    pytest.param({"query": "lame.example"}, "dns_lame", "lame", id="lame"),
    pytest.param(A | {"authoritative": True}, "dns_not_authoritative", "without authority", id="without authority"),
]


@pytest.mark.parametrize(("options", "reason", "words"), WRONG)
def test_an_answer_that_differs_fails_and_says_how(options: dict[str, Any], reason: str, words: str) -> None:
    result = asked(0.5, **options)
    assert (result.result, result.reason) == (Result.FAIL, reason), result
    assert words in result.sentence


def test_an_authoritative_server_is_asked_without_recursion() -> None:
    assert asked(is_authority=True, authoritative=True, query="api.example").result is Result.OK


def test_a_ttl_out_of_bounds_warns() -> None:
    result = asked(query="api.example", expect={"max_ttl": "60s"})
    assert (result.result, result.reason, result.sentence) == (Result.WARN, "dns_ttl", "[ttl] (300 s) <= 60 s")


def test_a_server_that_is_not_there_is_unreachable() -> None:
    with refusing() as address:
        result = probed(query="api.example", server=address)
    assert (result.result, result.reason) == (Result.FAIL, "dns_unreachable")


def test_silence_of_our_own_resolvers_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    from monitors.resolver import Endpoint

    with serving(Zone(faults={"*": "SILENT"})) as server:
        monkeypatch.setattr("monitors.probes.dns.system_servers", lambda: (Endpoint("127.0.0.1", server.port),))
        result = probed(0.3, query="api.example")
    assert (result.result, result.reason) == (Result.UNKNOWN, "timeout")


REFUSED = [
    pytest.param({"query": "a" * 64 + ".example"}, "cannot be asked for", id="a label too long"),
    pytest.param({"query": "x.example", "type": "NOPE"}, "not a type", id="unknown type"),
    pytest.param({"query": "x.example", "server": "dns.example"}, "not a DNS server", id="a server by name"),
    pytest.param({"query": "x.example", "expect": {"records": ["hello"]}}, "not a record of type A", id="no address"),
    pytest.param({"query": "x.example", "expect": {"rcode": "WELL"}}, "not a code", id="unknown code"),
    pytest.param({"query": "x.example", "authoritative": True}, "needs server", id="authority of our resolver"),
]


@pytest.mark.parametrize(("options", "words"), REFUSED)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        KINDS["dns"].options.model_validate(options)


def test_nsd_and_unbound_as_the_real_things(nsd: Nsd, unbound: Unbound) -> None:
    nsd.serve("probe.test", "$TTL 60\n@ SOA ns hostmaster 1 60 60 600 60\n@ NS ns\nns A 127.0.0.1\nwww A 192.0.2.80\n")
    server = f"127.0.0.1:{nsd.port}"
    well = probed(query="www.probe.test", server=server, authoritative=True, expect={"records": ["192.0.2.80"]})
    gone = probed(query="gone.probe.test", server=server, authoritative=True)
    strange = probed(query="www.example.net", server=server, authoritative=True)
    not_recursive = probed(query="probe.test", type="SOA", server=f"127.0.0.1:{unbound.port}", authoritative=True)
    assert (well.result, well.reason) == (Result.OK, "ok"), well
    assert (gone.reason, strange.reason) == ("dns_nxdomain", "dns_refused")
    assert not_recursive.result is Result.FAIL
