"""A prober claims what is due, judges it, and stores observations, states, news and evidence together."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from monitors.engine.connections import connect
from monitors.models import Component, Evidence, Monitor, Observation, StateChange, StateInterval, Watch
from monitors.notices import STATE_CHANNEL
from monitors.probes import Check
from monitors.results import ProbeResult
from monitors.services.watches import run_now
from tests.engine.ground import Script, in_database, make_component, make_monitor, make_prober, running
from tests.waiting import wait_until_async

pytestmark = pytest.mark.django_db(transaction=True)


async def verdict_is(slug: str, verdict: str, within: float = 5.0) -> None:
    states = Monitor.objects.filter(slug=slug, state__verdict=verdict)
    await wait_until_async(states.aexists, within, f"{slug} did not become {verdict}")


async def test_a_new_monitor_is_judged_and_its_component_with_it(tmp_path: Path) -> None:
    api = await in_database(make_component)("api")
    await in_database(make_monitor)("api-a", every_s=10, component=api)
    async with running(make_prober(Script(), tmp_path)):
        await verdict_is("api-a", "up")
    change = await StateChange.objects.aget(monitor__slug="api-a")
    first = await Observation.objects.order_by("at").afirst()
    assert first is not None
    assert (change.from_verdict, change.to_verdict, change.started_at) == ("unknown", "up", first.at)
    assert (await Component.objects.aget()).verdict == "up"
    assert await StateInterval.objects.filter(ended_at=None).acount() == 2
    assert await StateChange.objects.filter(component=api, processed_at=None).acount() == 1


async def test_a_component_eases_when_its_first_instance_recovered(tmp_path: Path) -> None:
    script = Script()
    script.letters |= {"api-a": "fffffo", "api-b": "f"}
    api = await in_database(make_component)("api")
    for place in "ab":
        await in_database(make_monitor)(f"api-{place}", every_s=0.5, component=api, site=place)
    async with running(make_prober(script, tmp_path)):
        await wait_until_async(Component.objects.filter(verdict="down").aexists)
        await wait_until_async(Component.objects.filter(verdict="degraded").aexists)
    recovered = await StateChange.objects.aget(monitor__slug="api-a", to_verdict="up")
    eased = await StateChange.objects.aget(component=api, from_verdict="down")
    assert (eased.to_verdict, eased.started_at) == ("degraded", recovered.started_at)


async def test_an_outage_starts_with_its_first_failure_and_keeps_the_evidence(tmp_path: Path) -> None:
    script = Script()
    script.letters["api-a"] = "oooff"
    await in_database(make_monitor)("api-a", every_s=0.3)
    async with running(make_prober(script, tmp_path)):
        await verdict_is("api-a", "down")
    down = await StateChange.objects.aget(to_verdict="down")
    failures = [row async for row in Observation.objects.filter(result="fail").order_by("at")]
    assert (down.started_at, down.reason, down.sentence) == (failures[0].at, "refused", "api-a refused.")
    assert down.confirmed_at == failures[1].at
    up, now = [interval async for interval in StateInterval.objects.order_by("started_at")]
    assert (up.ended_at, now.started_at, now.ended_at) == (down.started_at, down.started_at, None)
    evidence = [row async for row in Evidence.objects.order_by("at")]
    assert [row.result for row in evidence][:2] == ["ok", "fail"]
    assert evidence[0].transcript == "wire said answered"
    assert evidence[1].phases_ms == [["connect", 0.5]]


async def test_a_first_failure_is_looked_at_again_long_before_the_next_slot(tmp_path: Path) -> None:
    script = Script()
    script.letters["api-a"] = "oof"
    await in_database(make_monitor)("api-a", every_s=20)
    async with running(make_prober(script, tmp_path)):
        await verdict_is("api-a", "up", within=10)
        await in_database(run_now)(await Monitor.objects.aget())
        await verdict_is("api-a", "down", within=10)


async def test_a_change_of_configuration_is_heard(tmp_path: Path) -> None:
    script = Script()
    await in_database(make_monitor)("api-a", every_s=0.2)
    async with running(make_prober(script, tmp_path)) as prober:
        await verdict_is("api-a", "up")
        await Monitor.objects.aupdate(is_paused=True)
        prober.hear("{}")
        await verdict_is("api-a", "unknown")
        assert prober.held_by_monitor == {}
        await Monitor.objects.aupdate(is_paused=False)
        await verdict_is("api-a", "up")


async def test_a_broken_probe_says_nothing_about_its_target(tmp_path: Path) -> None:
    script = Script()
    script.letters["api-a"] = "!"
    await in_database(make_monitor)("api-a", every_s=0.2)
    async with running(make_prober(script, tmp_path)):
        await wait_until_async(Observation.objects.filter(result="unknown").aexists)
    observation = await Observation.objects.afirst()
    assert observation is not None
    assert observation.reason == "probe_error"


async def test_no_more_checks_run_at_once_on_a_host_than_allowed(tmp_path: Path) -> None:
    script = Script()
    script.lasts_s = 0.05
    for number in range(60):
        await in_database(make_monitor)(f"api-{number}", every_s=1)
    prober = make_prober(script, tmp_path)
    prober.runner.at_once_per_host = 7
    async with running(prober):
        await wait_until_async(lambda: len(script.runs) == 60)
    assert script.most_running == 7


async def test_two_probers_share_the_watches_and_observe_nothing_twice(tmp_path: Path) -> None:
    script = Script()
    for number in range(20):
        await in_database(make_monitor)(f"api-{number}", every_s=0.5)
    async with running(make_prober(script, tmp_path)) as first, running(make_prober(script, tmp_path)) as second:
        await wait_until_async(lambda: len(first.held_by_monitor) == len(second.held_by_monitor) == 10, 10)
        before = dict(script.runs)
        await asyncio.sleep(0)
        await wait_until_async(lambda: all(script.runs[slug] > runs for slug, runs in before.items()))
    assert await Observation.objects.acount() == sum(script.runs.values())
    assert await Watch.objects.exclude(claimed_by=None).acount() == 0


async def test_locations_are_heard_by_quorum(tmp_path: Path) -> None:
    here, there = Script(), Script()
    there.letters["api-a"] = "ooof"
    await in_database(make_monitor)("api-a", every_s=0.3, locations=("main", "paris"))
    async with running(make_prober(here, tmp_path)), running(make_prober(there, tmp_path, location="paris")):
        await verdict_is("api-a", "degraded")
        here.letters["api-a"] = "f"
        await verdict_is("api-a", "down")
    change = await StateChange.objects.aget(to_verdict="degraded")
    assert change.sentence == "From 1 of 2 locations (paris): api-a refused."


async def test_a_probe_that_overruns_its_timeout_is_ended(tmp_path: Path) -> None:
    script = Script()
    script.letters["api-a"] = "_"
    await in_database(make_monitor)("api-a", every_s=0.2, timeout=timedelta(milliseconds=100))
    async with running(make_prober(script, tmp_path)):
        await wait_until_async(Observation.objects.filter(reason="probe_overran", result="unknown").aexists, 8)


async def test_news_is_committed_within_milliseconds_of_the_confirming_check(tmp_path: Path) -> None:
    script = Script()
    await in_database(make_monitor)("api-a", every_s=0.5)
    prober = make_prober(script, tmp_path)
    async with running(prober), await connect("test", prober.parameters) as listening:
        await verdict_is("api-a", "up")
        await listening.execute(f"LISTEN {STATE_CHANNEL}")
        confirmed_at_s: list[float] = []
        original = script.run

        async def failing(check: Check) -> ProbeResult:
            result = await original(check)
            confirmed_at_s.append(time.monotonic())
            return result

        script.letters["api-a"] = "f"
        for held in prober.held_by_monitor.values():
            held.kind = replace(held.kind, run=failing)
        async for _notice in listening.notifies(timeout=5):
            break
        # The bar for the whole way to a browser is 250 ms; storing is a small part of it.
        assert time.monotonic() - confirmed_at_s[-1] < 0.15
    assert await StateChange.objects.filter(to_verdict="down").acount() == 1
