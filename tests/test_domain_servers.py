"""Real name servers that differ, are lame or silent, and a real resolver before them: the right verdicts."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from monitors.mail_dns.fetch import evaluate
from monitors.mail_dns.judgement import Judgement
from monitors.mail_dns.options import DomainOptions
from tests.peers import Nsd, Unbound
from tests.peers.peer import free_port

START = Callable[..., Any]
ZONE = """$ORIGIN acme.test.
$TTL 60
@ SOA ns1 hostmaster {serial} 3600 600 604800 60
@ NS ns1
@ NS ns2
ns1 A 127.0.0.1
ns2 A {second}
@ MX 10 mx1
mx1 A 127.0.0.9
@ TXT "{spf}"
_dmarc TXT "v=DMARC1; p=reject; rua=mailto:dmarc@acme.test"
s1._domainkey TXT "v=DKIM1; k=ed25519; p=" "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMl" "rwIaaPcHURo="
"""
SPF = "v=spf1 ip4:127.0.0.9 -all"


def text(serial: int = 7, second: str = "127.0.0.2", spf: str = SPF) -> str:
    return ZONE.format(serial=serial, second=second, spf=spf)


@pytest.fixture
def first(start_peer: START) -> Nsd:
    made: Nsd = start_peer(Nsd, "127.0.0.1", free_port())
    made.serve("acme.test", text())
    return made


async def judged(server: Nsd | Unbound, **options: Any) -> dict[str, Judgement]:
    """Every record by name; direct questions go to the name servers' port."""
    resolver = {"servers": [f"127.0.0.1:{server.port}"]}
    made = DomainOptions.model_validate({"name": "acme.test", "dkim": ["s1"], "resolver": resolver, **options})
    evaluation = await evaluate(made, 10)
    return {one.record: one for one in evaluation.judgements}


async def test_two_servers_that_agree_are_well(first: Nsd, start_peer: START) -> None:
    start_peer(Nsd, "127.0.0.2", first.port).serve("acme.test", text())
    found = await judged(first)
    assert {record: one.result.value for record, one in found.items()} == dict.fromkeys(found, "ok")
    assert found["ns"].reason == "ns_ok"
    assert found["ns"].detail["agreed"]["acme.test TXT"] == [SPF]


async def test_a_server_that_lags_behind_is_named_with_its_serial(first: Nsd, start_peer: START) -> None:
    start_peer(Nsd, "127.0.0.2", first.port).serve("acme.test", text(serial=6))
    found = await judged(first)
    assert (found["ns"].result, found["ns"].reason) == ("warn", "ns_serials_differ")
    assert found["ns"].sentence == "ns2.acme.test (6) is behind serial 7."


async def test_a_server_that_still_says_the_old_thing_only_lags(first: Nsd, start_peer: START) -> None:
    start_peer(Nsd, "127.0.0.2", first.port).serve("acme.test", text(serial=6, spf="v=spf1 mx -all"))
    found = await judged(first)
    assert (found["ns"].result, found["ns"].reason) == ("warn", "ns_serials_differ")
    assert "ns_answers_differ" in {note.reason for note in found["ns"].notes}
    assert "acme.test TXT" not in found["ns"].detail["agreed"]


async def test_servers_that_say_different_things_fail(first: Nsd, start_peer: START) -> None:
    start_peer(Nsd, "127.0.0.2", first.port).serve("acme.test", text(spf="v=spf1 +all"))
    found = await judged(first)
    assert (found["ns"].result, found["ns"].reason) == ("fail", "ns_answers_differ")
    assert "acme.test TXT" not in found["ns"].detail["agreed"]


async def test_a_server_without_the_zone_is_lame(first: Nsd, start_peer: START) -> None:
    start_peer(Nsd, "127.0.0.2", first.port).serve("other.test", text().replace("acme", "other"))
    found = await judged(first)
    assert (found["ns"].result, found["ns"].reason) == ("fail", "ns_lame")
    assert "REFUSED" in found["ns"].sentence


@pytest.fixture
def mute(first: Nsd) -> Iterator[str]:
    """An address where questions arrive and nobody answers."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as hole:
        hole.bind(("127.0.0.3", first.port))
        yield "127.0.0.3"


async def test_a_silent_server_is_named_and_the_others_still_count(first: Nsd, mute: str) -> None:
    first.serve("acme.test", text(second=mute))
    found = await judged(first)
    assert (found["ns"].result, found["ns"].reason) == ("fail", "ns_silent")
    assert found["spf"].result == "ok"


async def test_a_resolver_before_them_gives_the_same_verdicts(first: Nsd, start_peer: START) -> None:
    start_peer(Nsd, "127.0.0.2", first.port).serve("acme.test", text())
    unbound: Unbound = start_peer(Unbound)
    unbound.ask("acme.test", first.port)
    found = await judged(unbound, ns_port=first.port, egress=["127.0.0.9"])
    assert found["ns"].reason == "ns_ok"
    assert {found[record].result.value for record in ("spf", "dkim", "dmarc", "mx")} == {"ok"}


async def test_a_resolver_whose_zone_is_gone_leaves_everything_unknown(first: Nsd, start_peer: START) -> None:
    unbound: Unbound = start_peer(Unbound)
    unbound.ask("acme.test", first.port)
    first.halt()
    found = await judged(unbound, egress=["127.0.0.9"])
    assert {found[record].result.value for record in ("spf", "dkim", "dmarc", "mx", "ns")} == {"unknown"}
