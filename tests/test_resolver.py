"""Questions to DNS servers end in a status that says what is known, and never in a guess."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest

from monitors.resolver import DnsNameError, Endpoint, Lookups, Status, Via, ask
from tests.zones import ZoneServer, serving, zone

RECORDS = """
    acme.example TXT "v=spf1 -all"
    acme.example MX 10 mx1.acme.example
    s1._domainkey.acme.example CNAME s1.provider.example.
    s1.provider.example TXT "v=DKIM1; p=AAAA"
    loop.example CNAME loop2.example.
    loop2.example CNAME loop.example.
    mx1.acme.example A 192.0.2.1
    servfail.example ! SERVFAIL
    refused.example ! REFUSED
    notimp.example ! NOTIMP
    silent.example ! SILENT
    garbage.example ! GARBAGE
    lame.example ! LAME
    forged.example ! WRONG-ID
    other.example ! WRONG-QUESTION
    big.example ! TRUNCATE
    old.example TXT "v=spf1 -all"
    old.example ! NO-EDNS
"""


@pytest.fixture
def server() -> Iterator[ZoneServer]:
    made = zone(RECORDS)
    made.records["garbage.example", "TXT"] = ["text"]
    made.records["big.example", "TXT"] = ["x" * 3000]
    with serving(made) as running:
        yield running


def endpoint(server: ZoneServer) -> Endpoint:
    return Endpoint("127.0.0.1", server.port)


@pytest.mark.parametrize(
    ("name", "rdtype", "status"),
    [
        pytest.param("acme.example", "TXT", Status.ANSWER, id="records"),
        pytest.param("acme.example", "CAA", Status.EMPTY, id="a name without that type is empty"),
        pytest.param("example", "TXT", Status.EMPTY, id="an empty non-terminal is empty, not missing"),
        pytest.param("nothing.example", "TXT", Status.NXDOMAIN, id="no such name"),
        pytest.param("servfail.example", "TXT", Status.SERVFAIL, id="servfail"),
        pytest.param("refused.example", "TXT", Status.REFUSED, id="refused"),
        pytest.param("notimp.example", "TXT", Status.ERROR, id="other rcodes"),
        pytest.param("silent.example", "TXT", Status.TIMEOUT, id="silence"),
        pytest.param("garbage.example", "TXT", Status.MALFORMED, id="nonsense"),
        pytest.param("lame.example", "TXT", Status.LAME, id="a server that neither owns nor recurses"),
        pytest.param("forged.example", "TXT", Status.TIMEOUT, id="an answer with a foreign id is not heard"),
        pytest.param("other.example", "TXT", Status.TIMEOUT, id="an answer to another question is not heard"),
    ],
)
async def test_every_way_to_answer_has_its_status(server: ZoneServer, name: str, rdtype: str, status: Status) -> None:
    reply = await ask(endpoint(server), name, rdtype, timeout_s=0.3)
    assert reply.status is status


async def test_a_truncated_answer_is_fetched_over_tcp(server: ZoneServer) -> None:
    reply = await ask(endpoint(server), "big.example", "TXT")
    assert (reply.status, reply.via) == (Status.ANSWER, Via.TCP)
    assert [via for _, _, via in server.asked] == ["udp", "tcp"]


async def test_a_server_older_than_edns_is_asked_without_it(server: ZoneServer) -> None:
    reply = await ask(endpoint(server), "old.example", "TXT")
    assert reply.status is Status.ANSWER
    assert server.asked == [("old.example", "TXT", "udp")] * 2


async def test_a_port_where_nobody_listens_is_unreachable_at_once() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
    reply = await ask(Endpoint("127.0.0.1", port), "acme.example", "TXT", timeout_s=5)
    assert reply.status is Status.UNREACHABLE


async def test_chunks_of_a_text_are_joined_with_nothing_between(server: ZoneServer) -> None:
    answer = await Lookups([endpoint(server)]).get("big.example", "TXT")
    assert answer.values == ("x" * 3000,)


async def test_aliases_are_followed_and_named(server: ZoneServer) -> None:
    answer = await Lookups([endpoint(server)]).get("s1._domainkey.acme.example", "TXT")
    assert answer.values == ("v=DKIM1; p=AAAA",)
    assert answer.aliases == ("s1.provider.example",)
    assert (answer.ttl_s, answer.server) == (300, server.address)


async def test_a_loop_of_aliases_ends_as_an_error(server: ZoneServer) -> None:
    answer = await Lookups([endpoint(server)]).get("loop.example", "TXT")
    assert answer.status is Status.ERROR


async def test_one_evaluation_asks_each_question_once(server: ZoneServer) -> None:
    lookups = Lookups([endpoint(server)])
    await asyncio.gather(*(lookups.get("acme.example", "TXT") for _ in range(20)))
    assert len(server.asked) == 1


async def test_the_next_evaluation_sees_the_change(server: ZoneServer) -> None:
    before = await Lookups([endpoint(server)]).get("acme.example", "TXT")
    server.zone.records["acme.example", "TXT"] = ["v=spf1 ?all"]
    after = await Lookups([endpoint(server)]).get("acme.example", "TXT")
    assert (before.values, after.values) == (("v=spf1 -all",), ("v=spf1 ?all",))


async def test_the_second_server_answers_for_a_silent_first(server: ZoneServer) -> None:
    with serving(zone("* ! SILENT")) as silent:
        lookups = Lookups([endpoint(silent), endpoint(server)], timeout_s=5)
        answer = await lookups.get("acme.example", "MX")
    assert answer.values == ("10 mx1.acme.example",)


async def test_a_deadline_ends_all_attempts() -> None:
    with serving(zone("* ! SILENT")) as silent:
        started = asyncio.get_running_loop().time()
        answer = await Lookups([endpoint(silent)], timeout_s=0.4).get("acme.example", "TXT")
    assert answer.status is Status.TIMEOUT
    assert asyncio.get_running_loop().time() - started < 1.5


async def test_many_questions_share_a_server_without_mixing_answers(server: ZoneServer) -> None:
    for number in range(300):
        server.zone.records[f"n{number}.example", "TXT"] = [f"text {number}"]
    lookups = Lookups([endpoint(server)], timeout_s=20)
    answers = await asyncio.gather(*(lookups.get(f"n{number}.example", "TXT") for number in range(300)))
    assert [answer.values for answer in answers] == [(f"text {number}",) for number in range(300)]


@pytest.mark.parametrize("name", ["a" * 64 + ".example", "a..example", ".".join(["a" * 60] * 6)])
async def test_a_name_that_dns_cannot_carry_does_not_exist_and_is_not_asked(server: ZoneServer, name: str) -> None:
    with pytest.raises(DnsNameError):
        await ask(endpoint(server), name, "TXT")
    answer = await Lookups([endpoint(server)]).get(name, "TXT")
    assert answer.status is Status.NXDOMAIN
    assert server.asked == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("192.0.2.53", Endpoint("192.0.2.53", 53)),
        ("192.0.2.53:5353", Endpoint("192.0.2.53", 5353)),
        ("2001:db8::53", Endpoint("2001:db8::53", 53)),
        ("[2001:db8::53]:5353", Endpoint("2001:db8::53", 5353)),
    ],
)
def test_addresses_of_servers_are_read_with_and_without_port(text: str, expected: Endpoint) -> None:
    assert Endpoint.parse(text) == expected


@pytest.mark.parametrize("text", ["", "dns.example", "192.0.2.53:0", "192.0.2.53:x", "[::1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        Endpoint.parse(text)
