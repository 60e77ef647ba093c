"""A pattern that backtracks for ages is given up, says nothing about the target, and delays no other check."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest
from pydantic import ValidationError

from monitors.probes import KINDS, Check, patterns
from monitors.probes.expectations import Comparison
from monitors.probes.patterns import PatternTooSlow, patiently, search
from monitors.results import ProbeResult, Result
from tests import zoo
from tests.zoo import Zoo

EVIL = "^(a|aa)+$"
SAID = "a" * 80 + "b"
TOO_SLOW = (Result.UNKNOWN, "pattern_too_slow")


@pytest.fixture
def server() -> Iterator[Zoo]:
    body = f'{{"name": "{SAID}"}}'
    head = f"HTTP/1.1 200 OK\r\nX-Name: {SAID}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    with Zoo(zoo.answering((head + body).encode())) as serving:
        yield serving


def check_of(server: Zoo, number: int, expect: dict[str, Any]) -> Check:
    options = {"url": f"http://{server.address}/", "expect": expect}
    return Check(number, f"api-{number}", "http", 5.0, 10.0, KINDS["http"].options.model_validate(options))


@pytest.mark.parametrize(
    "expect",
    [
        pytest.param({"matches": f'"{EVIL[1:-1]}"'}, id="body"),
        pytest.param({"json": {"name": {"matches": EVIL}}}, id="a field"),
        pytest.param({"headers": {"x-name": {"matches": EVIL}}}, id="a header"),
    ],
)
async def test_an_evil_pattern_is_unknown_and_the_others_are_done_before_it(
    server: Zoo, expect: dict[str, Any]
) -> None:
    done: list[int] = []

    async def probed(check: Check) -> ProbeResult:
        result = await KINDS["http"].run(check)
        done.append(check.monitor_id)
        return result

    good = [check_of(server, number, {"matches": "name.: .a+b"}) for number in range(1, 21)]
    evil, *others = await asyncio.gather(probed(check_of(server, 0, expect)), *map(probed, good))
    assert (evil.result, evil.reason) == TOO_SLOW
    assert "make it simpler" in evil.sentence
    assert {(other.result, other.reason) for other in others} == {(Result.OK, "ok")}
    assert done[-1] == 0


async def test_a_dialogue_with_an_evil_pattern_ends() -> None:
    with Zoo(zoo.answering(SAID.encode())) as serving:
        options = {"address": serving.address, "dialogue": [{"send": "hello"}, {"expect": EVIL}]}
        check = Check(1, "tcp", "tcp", 5.0, 10.0, KINDS["tcp"].options.model_validate(options))
        result = await KINDS["tcp"].run(check)
    assert (result.result, result.reason) == TOO_SLOW


async def test_a_pattern_that_only_takes_a_while_is_decided_beside_the_loop() -> None:
    text = "a" * 28 + "b"
    with pytest.raises(PatternTooSlow):
        search(EVIL, text)
    assert await patiently(lambda: search(EVIL, text), 5.0) is None


async def test_no_more_time_is_taken_than_is_left() -> None:
    with pytest.raises(PatternTooSlow):
        await patiently(lambda: search(EVIL, SAID), 0.0)


def test_what_is_no_pattern_is_refused() -> None:
    with pytest.raises(ValidationError, match=r"'\(' is not a regular expression"):
        Comparison.model_validate({"matches": "("})


def test_patterns_are_checked_where_they_are_written() -> None:
    assert patterns.checked("^ok$") == "^ok$"
