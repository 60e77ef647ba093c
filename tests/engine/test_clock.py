"""A clock that jumps neither stops the checks nor makes a wave of them."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitors.engine.runner import wall_us
from monitors.models import Monitor, MonitorState, Observation, StateInterval
from monitors.schedule import SECOND_US
from tests.engine.ground import Script, in_database, make_monitor, make_prober, running
from tests.waiting import wait_until_async

pytestmark = pytest.mark.django_db(transaction=True)

HOUR_US = 3_600 * SECOND_US


class Clock:
    def __init__(self) -> None:
        self.offset_us = 0

    def __call__(self) -> int:
        return wall_us() + self.offset_us


@pytest.mark.parametrize("jump_us", [-HOUR_US, HOUR_US, -2 * SECOND_US], ids=["back", "ahead", "a little back"])
async def test_checks_go_on_and_are_judged_after_a_jump(tmp_path: Path, jump_us: int) -> None:
    script, clock = Script(), Clock()
    await in_database(make_monitor)("api-a", every_s=0.5)
    prober = make_prober(script, tmp_path)
    prober.runner.now_us = clock
    async with running(prober):
        await wait_until_async(MonitorState.objects.filter(verdict="up").aexists)
        clock.offset_us = jump_us
        runs = script.runs["api-a"]
        await wait_until_async(lambda: script.runs["api-a"] >= runs + 3, 8)
        assert script.runs["api-a"] < runs + 30
        script.letters["api-a"] = "f"
        await wait_until_async(MonitorState.objects.filter(verdict="down").aexists, 8)
    monitor = await Monitor.objects.aget()
    assert await Observation.objects.acount() == script.runs["api-a"]
    assert await StateInterval.objects.filter(monitor=monitor, ended_at=None).acount() == 1
