"""What nobody looks at is unknown, from the last look on; being looked at again is no news of an outage."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.db.models import F

from monitors.engine.connections import connect, connection_parameters
from monitors.models import Component, Monitor, MonitorState, StateChange, StateInterval, Watch
from monitors.services.silence import settle_silent
from tests.engine.ground import Script, in_database, make_component, make_monitor, make_prober, running
from tests.waiting import wait_until_async

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)


async def judged_up(tmp_path: Path) -> None:
    """A monitor that a prober judged up before it ended."""
    api = await in_database(make_component)("api")
    await in_database(make_monitor)("api-a", every_s=1, component=api)
    async with running(make_prober(Script(), tmp_path)):
        await wait_until_async(MonitorState.objects.filter(verdict="up").aexists)


async def test_silence_is_unknown_from_the_last_observation_on(tmp_path: Path) -> None:
    await judged_up(tmp_path)
    now = datetime.now(UTC)
    async with await connect("test", connection_parameters()) as connection:
        assert (await settle_silent(connection, now + timedelta(seconds=15), now - HOUR)).monitors == ()
        settled = await settle_silent(connection, now + timedelta(seconds=40), now - HOUR)
    assert len(settled.monitors) == len(settled.components) == 1
    change = await StateChange.objects.aget(to_verdict="unknown", monitor__slug="api-a")
    watch = await Watch.objects.aget()
    assert (change.started_at, change.reason) == (watch.last_at, "no_report")
    assert (await Component.objects.aget()).verdict == "unknown"


async def test_who_could_not_hear_does_not_judge_silence(tmp_path: Path) -> None:
    await judged_up(tmp_path)
    now = datetime.now(UTC)
    async with await connect("test", connection_parameters()) as connection:
        settled = await settle_silent(connection, now + HOUR, now + HOUR - timedelta(seconds=5))
    assert settled.monitors == ()


async def test_time_before_a_late_prober_is_unknown_not_up(tmp_path: Path) -> None:
    await judged_up(tmp_path)
    # An hour passes in which no prober lives.
    await Watch.objects.aupdate(last_at=F("last_at") - HOUR)
    await MonitorState.objects.aupdate(since=F("since") - HOUR)
    await StateInterval.objects.aupdate(started_at=F("started_at") - HOUR)
    await Component.objects.aupdate(verdict_since=F("verdict_since") - HOUR)
    last_at = (await Watch.objects.aget()).last_at
    async with running(make_prober(Script(), tmp_path)):
        changes = StateChange.objects.filter(monitor__slug="api-a").order_by("id")
        await wait_until_async(lambda: is_count(changes, 3))
    found = [change async for change in changes]
    assert [change.to_verdict for change in found] == ["up", "unknown", "up"]
    assert found[1].started_at == last_at


async def test_a_pause_is_unknown_at_once_and_no_alarm(tmp_path: Path) -> None:
    await judged_up(tmp_path)
    await in_database(lambda: Watch.objects.get().monitor.__class__.objects.update(is_paused=True))()
    now = datetime.now(UTC)
    async with await connect("test", connection_parameters()) as connection:
        await settle_silent(connection, now, now - HOUR)
    assert (await MonitorState.objects.aget()).reason == "paused"


async def test_a_location_that_never_reported_can_begin_later(tmp_path: Path) -> None:
    await in_database(make_monitor)("api-a", every_s=1, locations=("main", "later"))
    async with running(make_prober(Script(), tmp_path)):
        await wait_until_async(MonitorState.objects.filter(verdict="up").aexists)
    now = datetime.now(UTC)
    await Watch.objects.filter(location__slug="main").aupdate(last_at=now + HOUR)
    async with await connect("test", connection_parameters()) as connection:
        await settle_silent(connection, now + HOUR, now - HOUR)
    async with running(make_prober(Script(), tmp_path, "later")):
        later = Watch.objects.filter(location__slug="later", standing__verdict="up")
        await wait_until_async(later.aexists)


async def test_a_removed_monitor_is_up_no_more(tmp_path: Path) -> None:
    await judged_up(tmp_path)
    now = datetime.now(UTC)
    await Watch.objects.all().adelete()
    await Monitor.objects.aupdate(removed_at=now)
    async with await connect("test", connection_parameters()) as connection:
        await settle_silent(connection, now, now - HOUR)
        assert (await settle_silent(connection, now, now - HOUR)).monitors == ()
    assert (await MonitorState.objects.aget()).verdict == "unknown"
    assert (await Component.objects.aget()).verdict == "unknown"
    assert not await StateInterval.objects.filter(verdict="up", ended_at=None).aexists()


async def is_count(rows: object, count: int) -> bool:
    return await rows.acount() == count  # type: ignore[attr-defined]
