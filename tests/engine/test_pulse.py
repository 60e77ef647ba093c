"""A prober that did not get to run says nothing about the speed of a target."""

from __future__ import annotations

import asyncio
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitors.engine.pulse import CALM_AFTER, Pulse
from monitors.models import Finding, Observation
from monitors.probes import Check
from monitors.results import ProbeResult, Result
from tests.engine.ground import Script, in_database, make_monitor, make_prober, running
from tests.waiting import wait_until_async

CHECK = Check(1, "api-a", "http", 2.0, 10.0, options=None)


def result(said: str, reason: str) -> ProbeResult:
    return ProbeResult(Result(said), reason, "Said.", said="wire")


async def stalled_for(seconds: float) -> tuple[Pulse, float]:
    pulse = Pulse()
    pulse.start()
    since_s = time.monotonic()
    time.sleep(seconds)  # noqa: ASYNC251 - holding up the loop is the point
    pulse.stop()
    return pulse, since_s


@pytest.mark.parametrize(
    ("said", "reason", "stall_s", "believed"),
    [
        pytest.param("warn", "slow", 0.2, "prober_overloaded", id="slow while we were late"),
        pytest.param("warn", "slow", 0.0, "slow", id="slow while we were not"),
        pytest.param("fail", "timeout", 0.55, "prober_overloaded", id="a timeout that we slept through"),
        pytest.param("fail", "timeout", 0.15, "timeout", id="a timeout that we mostly watched"),
        pytest.param("fail", "refused", 0.4, "refused", id="a refusal stands, however late we read it"),
        pytest.param("warn", "certificate_expires", 0.4, "certificate_expires", id="so does a certificate"),
        pytest.param("ok", "ok", 0.4, "ok", id="and what went well"),
    ],
)
async def test_only_what_a_late_clock_said_is_doubted(said: str, reason: str, stall_s: float, believed: str) -> None:
    pulse, since_s = await stalled_for(stall_s)
    seen = pulse.believed(result(said, reason), CHECK, since_s)
    assert seen.reason == believed
    assert seen.evidence == "wire"
    assert (pulse.overloaded_since is not None) == (believed == "prober_overloaded")


async def test_a_hold_up_before_the_check_does_not_count() -> None:
    pulse, _ = await stalled_for(0.2)
    pulse.start()
    assert pulse.late_s(time.monotonic()) < 0.05
    pulse.stop()


async def test_overload_is_over_after_a_calm_minute() -> None:
    pulse, since_s = await stalled_for(0.2)
    pulse.believed(result("warn", "slow"), CHECK, since_s)
    pulse.calm_down(datetime.now(UTC) + CALM_AFTER / 2)
    assert pulse.overloaded_since is not None
    pulse.calm_down(datetime.now(UTC) + CALM_AFTER + timedelta(seconds=1))
    assert pulse.overloaded_since is None


@pytest.mark.django_db(transaction=True)
async def test_an_overloaded_prober_leaves_a_finding_instead_of_red(tmp_path: Path) -> None:
    script = Script()

    async def held_up(check: Check) -> ProbeResult:
        await asyncio.sleep(0)
        time.sleep(0.25)  # noqa: ASYNC251 - as a starved process would
        return ProbeResult(Result.FAIL, "timeout", "No answer within 1 s.")

    script.run = held_up  # type: ignore[method-assign]
    await in_database(make_monitor)("api-a", every_s=0.5)
    async with running(make_prober(script, tmp_path)):
        await wait_until_async(Finding.objects.filter(kind="prober_overloaded", ended_at=None).aexists, 8)
        await wait_until_async(Observation.objects.filter(reason="prober_overloaded").aexists, 8)
    assert not await Observation.objects.filter(result="fail").aexists()
