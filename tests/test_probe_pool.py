"""The pool kind: shares against weights by chi-square, strangers, drained and broken members."""

from __future__ import annotations

import asyncio
import itertools
import random
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from monitors.probes import KINDS, Check
from monitors.probes.pool.shares import shares, survival
from monitors.results import ProbeResult, Result
from tests import zoo
from tests.zones import Zone, ZoneServer
from tests.zoo import Zoo

# From any table of the chi-square distribution.
CRITICAL = [(1, 10.828), (2, 13.816), (3, 16.266), (5, 20.515), (10, 29.588), (29, 58.301), (100, 149.449)]


@pytest.mark.parametrize(("degrees", "value"), CRITICAL)
def test_the_survival_function_meets_the_tables(degrees: int, value: float) -> None:
    assert survival(value, degrees) == pytest.approx(0.001, rel=2e-3)


@given(st.floats(0, 1e5), st.integers(1, 300))
def test_survival_is_a_probability_and_falls(chi_square: float, degrees: int) -> None:
    p = survival(chi_square, degrees)
    assert 0.0 <= p <= 1.0
    assert survival(chi_square + 1, degrees) <= p + 1e-12


@given(st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 50), min_size=1), st.integers(0, 2**32))
def test_every_answer_is_counted_once_and_nothing_is_invented(weights: dict[str, int], seed: int) -> None:
    drawn = Counter(random.Random(seed).choices("abcxyz", k=200))
    found = shares(drawn, weights)
    assert found.total == 200
    assert sum(share.seen for share in found.shares) == 200
    assert {share.address for share in found.strangers} == drawn.keys() - weights.keys()


def test_a_fair_sample_is_rarely_called_skewed() -> None:
    weights = {"a": 1, "b": 2, "c": 7}
    chance = random.Random(7)
    skewed = sum(
        shares(Counter(chance.choices(list(weights), list(weights.values()), k=300)), weights).is_skewed
        for _ in range(2000)
    )
    assert skewed <= 8  # 2 expected


class Pool(ZoneServer):
    """Hands out one address after the other, as they are drawn."""

    def __init__(self, drawn: Iterator[str | None]) -> None:
        super().__init__(Zone(), authoritative=True)
        self.drawn = drawn

    def reply(self, wire: bytes, via: str) -> bytes | None:
        address = next(self.drawn)
        self.zone = Zone({("api.example", "A"): [address]} if address else {("api.example", "TXT"): ["x"]})
        return super().reply(wire, via)


def weighted(weights: dict[str, int], seed: int = 3) -> Iterator[str]:
    chance = random.Random(seed)
    while True:
        yield from chance.choices(list(weights), list(weights.values()), k=100)


@contextmanager
def handing_out(drawn: Iterator[str | None]) -> Iterator[ZoneServer]:
    server = Pool(drawn)
    server.start()
    try:
        yield server
    finally:
        server.stop()


ONE, TWO, THREE = "127.0.0.1", "127.0.0.2", "127.0.0.3"
MEMBERS = [{"address": ONE, "weight": 6}, {"address": TWO, "weight": 3}, {"address": THREE, "weight": 1}]
AS_WEIGHTED = {ONE: 6, TWO: 3, THREE: 1}


def probed(server: ZoneServer, timeout_s: float = 3.0, **options: Any) -> ProbeResult:
    kind = KINDS["pool"]
    given_options = {"query": "api.example", "servers": [server.address], "members": MEMBERS, "samples": 200} | options
    check = Check(1, "pool", "pool", timeout_s, 60.0, kind.options.model_validate(given_options))
    return asyncio.run(kind.run(check))


def test_a_pool_as_weighted_is_ok() -> None:
    with handing_out(weighted(AS_WEIGHTED)) as server:
        result = probed(server)
    assert (result.result, result.reason) == (Result.OK, "ok"), result
    assert result.details["pool"]["total"] == 200


WRONG = [
    pytest.param({ONE: 1, TWO: 1, THREE: 1}, Result.WARN, "pool_skewed", "chi-square", id="equal instead of weighted"),
    pytest.param(AS_WEIGHTED | {"192.0.2.66": 1}, Result.FAIL, "pool_stranger", "192.0.2.66", id="a stranger"),
    pytest.param({ONE: 6, THREE: 1}, Result.FAIL, "pool_member_missing", TWO, id="a member that never comes"),
]


@pytest.mark.parametrize(("handed", "result", "reason", "words"), WRONG)
def test_a_pool_off_its_weights_is_named(handed: dict[str, int], result: Result, reason: str, words: str) -> None:
    with handing_out(weighted(handed)) as server:
        found = probed(server)
    assert (found.result, found.reason) == (result, reason), found
    assert words in found.sentence


def test_a_drained_member_that_still_comes_warns() -> None:
    members = [{"address": ONE, "weight": 1}, {"address": TWO, "weight": 0}]
    with handing_out(weighted({ONE: 9, TWO: 1})) as server:
        result = probed(server, members=members)
    assert (result.result, result.reason) == (Result.WARN, "pool_drained_seen")


def test_a_pool_without_addresses_fails() -> None:
    with handing_out(itertools.repeat(None)) as server:
        result = probed(server)
    assert (result.result, result.reason) == (Result.FAIL, "pool_empty")


def test_a_silent_server_fails_within_the_timeout_and_beside_another_only_warns() -> None:
    with handing_out(weighted(AS_WEIGHTED)) as server, zoo.refusing() as dead:
        alone = probed(server, 1.0, servers=[dead])
        beside = probed(server, 1.0, servers=[server.address, dead])
    assert (alone.result, alone.reason) == (Result.FAIL, "dns_unreachable")
    assert (beside.result, beside.reason) == (Result.WARN, "dns_unreachable")


def test_a_broken_member_that_is_served_fails_by_name() -> None:
    with Zoo(zoo.saying(b"hello\r\n")) as member, handing_out(weighted(AS_WEIGHTED)) as server:
        # Only 127.0.0.1 listens.
        result = probed(server, probe={"tcp": {"address": f"localhost:{member.port}"}})
    assert (result.result, result.reason) == (Result.FAIL, "pool_member_down")
    assert "127.0.0.2 gets" in result.sentence
    assert "refused" in result.sentence


def test_a_broken_member_that_is_left_out_warns_and_the_rest_is_as_weighted() -> None:
    with Zoo(zoo.saying(b"hello\r\n")) as member, handing_out(itertools.repeat(ONE)) as server:
        members = [{"address": ONE, "weight": 1}, {"address": TWO, "weight": 1}]
        result = probed(server, members=members, probe={"tcp": {"address": f"localhost:{member.port}"}})
    assert (result.result, result.reason) == (Result.WARN, "pool_member_out"), result
    assert "127.0.0.2" in result.sentence


REFUSED = [
    pytest.param({"members": [{"address": "nope"}]}, "nope", id="no address"),
    pytest.param({"members": [{"address": ONE}, {"address": ONE}]}, "twice", id="twice"),
    pytest.param({"members": [{"address": ONE, "weight": 0}]}, "above 0", id="no weight at all"),
    pytest.param({"members": [{"address": "::1"}]}, "cannot be in an answer", id="IPv6 in A"),
    pytest.param({"probe": {}}, "exactly one", id="no probe in probe"),
    pytest.param({"servers": []}, "at least 1", id="no server"),
]


@pytest.mark.parametrize(("options", "words"), REFUSED)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], words: str) -> None:
    whole = {"query": "api.example", "servers": ["127.0.0.1:53"], "members": MEMBERS} | options
    with pytest.raises(ValidationError, match=words):
        KINDS["pool"].options.model_validate(whole)


def test_lost_datagrams_are_asked_again_and_a_slow_server_is_asked_less() -> None:
    class Losing(Pool):
        def reply(self, wire: bytes, via: str) -> bytes | None:
            answer = super().reply(wire, via)
            return None if len(self.asked) % 10 == 0 else answer

    server = Losing(weighted(AS_WEIGHTED))
    server.start()
    try:
        result = probed(server, 6.0, samples=60)
    finally:
        server.stop()
    assert (result.result, result.reason) == (Result.OK, "ok"), result
