"""The hub: one rendering for all, slow sockets hurt nobody, losses are told and mended."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import Any

import psycopg
import pytest
from django.db import connection

from statuspage.live import Close, Feed, Hub, Seat, StaleError, Visitor
from statuspage.live.listening import connection_parameters
from tests.waiting import wait_until_async

MARIA = Visitor(session_key="s1", user_id=1, standing="x")
CHANNEL = "test_live"
FROM_LISTENERS = (
    "FROM pg_stat_activity WHERE application_name = 'standpipe live' AND query LIKE 'LISTEN%' "
    "AND datname = current_database()"
)

pytestmark = pytest.mark.django_db(transaction=True)


class Figures:
    """A feed's source that counts how often it is rendered and can be told to fail."""

    def __init__(self) -> None:
        self.rendered = 0
        self.error: Exception | None = None

    def render(self, now: datetime) -> dict[str, Any]:
        if self.error:
            raise self.error
        self.rendered += 1
        return {"n": self.rendered}


class Reader:
    """A socket's far end: keeps what it got; `hold()` makes it stop reading."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.reading = asyncio.Event()
        self.reading.set()

    async def send(self, text: str) -> None:
        await self.reading.wait()
        self.got.append(json.loads(text))

    def counted(self) -> list[int]:
        return [frame["n"] for frame in self.got if frame["type"] == "counted"]

    def kinds(self) -> list[str]:
        return [frame["type"] for frame in self.got]


Join = Callable[[], tuple[Seat, Reader]]


@pytest.fixture
def figures() -> Figures:
    return Figures()


@pytest.fixture
async def hub(figures: Figures) -> AsyncIterator[Hub]:
    feed = Feed("queues", frozenset({CHANNEL}), least_s=0.02, most_s=30, render=figures.render)
    hub = Hub([feed], welcome=lambda visitors: visitors)
    yield hub
    await hub.stop()


@pytest.fixture
async def join(hub: Hub) -> AsyncIterator[Join]:
    tasks = []

    def seated() -> tuple[Seat, Reader]:
        reader = Reader()
        seat = hub.join(MARIA, reader.send)
        tasks.append(asyncio.create_task(seat.deliver()))
        return seat, reader

    yield seated
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def settled(reader: Reader, frames: int = 1) -> None:
    await wait_until_async(lambda: len(reader.got) >= frames)


async def notify() -> None:
    async with await psycopg.AsyncConnection.connect(autocommit=True, **connection_parameters()) as other:
        await other.execute("SELECT pg_notify(%s, '')", [CHANNEL])


async def listening() -> None:
    async def is_listening() -> bool:
        async with await psycopg.AsyncConnection.connect(autocommit=True, **connection_parameters()) as other:
            found = await other.execute(
                "SELECT 1 FROM pg_stat_activity WHERE query LIKE 'LISTEN%%' AND pid <> pg_backend_pid()"
            )
            return await found.fetchone() is not None

    await wait_until_async(is_listening)


async def test_a_hint_renders_one_frame_for_all_sockets(join: Join, figures: Figures) -> None:
    readers = [join()[1] for _ in range(20)]
    await listening()
    await asyncio.gather(*(settled(reader) for reader in readers))
    before = figures.rendered
    await notify()
    await wait_until_async(lambda: all(reader.got[-1].get("n") == before + 1 for reader in readers))
    assert figures.rendered == before + 1


async def test_a_late_comer_gets_the_newest_frame_at_once(join: Join, hub: Hub) -> None:
    _, early = join()
    await settled(early)
    hub.broadcast("counted", '{"type": "counted", "n": 7}')
    _, late = join()
    await wait_until_async(lambda: late.counted() == [7])


async def test_a_slow_socket_gets_only_the_newest_frame_and_delays_nobody(join: Join, hub: Hub) -> None:
    _, quick = join()
    _, slow = join()
    await asyncio.gather(settled(quick), settled(slow))
    slow.reading.clear()
    for n in range(100):
        hub.broadcast("counted", json.dumps({"type": "counted", "n": n}))
        await wait_until_async(lambda n=n: quick.counted()[-1:] == [n])
    slow.reading.set()
    await wait_until_async(lambda: slow.counted()[-1:] == [99])
    assert len(slow.counted()) <= 2, "the one that was under way, and the newest"


async def test_one_kind_never_pushes_out_another(join: Join, hub: Hub) -> None:
    _, slow = join()
    await settled(slow)
    slow.reading.clear()
    hub.broadcast("tiers", '{"type": "tiers"}')
    for n in range(50):
        hub.broadcast("queues", json.dumps({"type": "queues", "n": n}))
    slow.reading.set()
    await wait_until_async(lambda: {"tiers", "queues"} <= set(slow.kinds()))


async def test_a_lost_listener_is_told_and_comes_back_by_itself(join: Join, figures: Figures) -> None:
    _, reader = join()
    await listening()
    await settled(reader)
    async with await psycopg.AsyncConnection.connect(autocommit=True, **connection_parameters()) as other:
        await other.execute(f"SELECT pg_terminate_backend(pid) {FROM_LISTENERS}")
    await wait_until_async(lambda: "stale" in reader.kinds())
    stale_at = reader.kinds().index("stale")
    assert datetime.fromisoformat(reader.got[stale_at]["since"]).tzinfo
    await wait_until_async(lambda: "queues" in reader.kinds()[stale_at:])
    await listening()
    before = figures.rendered
    await notify()
    await wait_until_async(lambda: figures.rendered > before)


async def test_a_database_that_does_not_answer_makes_frames_stale_and_keeps_the_first_since(
    join: Join, figures: Figures, hub: Hub
) -> None:
    figures.error = RuntimeError("gone")
    _, reader = join()
    await wait_until_async(lambda: reader.kinds().count("stale") >= 2, within=10)
    assert len({frame["since"] for frame in reader.got}) == 1
    figures.error = None
    await wait_until_async(lambda: reader.kinds()[-1] == "queues", within=10)


async def test_a_source_that_stopped_is_stale_since_it_stopped(join: Join, figures: Figures) -> None:
    since = datetime.fromisoformat("2026-01-05T04:49:00+00:00")
    figures.error = StaleError(since, "no prober reports")
    _, reader = join()
    await settled(reader)
    assert (reader.got[0]["type"], reader.got[0]["since"]) == ("stale", since.isoformat())


async def test_an_unwelcome_visitor_is_closed_and_the_others_stay(
    figures: Figures, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("statuspage.live.hub.CHECK_VISITORS_EVERY_S", 0.02)
    stranger = Visitor(session_key="s2", user_id=2, standing="x")
    hub = Hub([], welcome=lambda visitors: visitors - {stranger})
    ours, theirs = hub.join(MARIA, Reader().send), hub.join(stranger, Reader().send)
    async with asyncio.timeout(5):
        assert await theirs.deliver() == Close.SESSION_ENDED
    assert ours.close_code is None
    await hub.stop()


async def test_nothing_is_rendered_when_nobody_is_there(hub: Hub, figures: Figures) -> None:
    seat = hub.join(MARIA, Reader().send)
    await wait_until_async(lambda: figures.rendered)
    await hub.leave(seat)
    assert not hub.work
    assert not hub.latest


def test_the_listener_uses_the_settings_of_the_database() -> None:
    assert connection_parameters()["dbname"] == connection.settings_dict["NAME"]
