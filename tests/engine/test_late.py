"""What comes late is stored, and says nothing of how things stand now; what was seen elsewhere says nothing here."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from uuid import uuid4

import pytest
from psycopg import AsyncConnection

from monitors.engine import claims
from monitors.engine.connections import connect, connection_parameters
from monitors.engine.held import Held, held_from
from monitors.engine.store import store
from monitors.models import Monitor, MonitorState, Observation, StateChange, Watch
from monitors.probes import Observed
from monitors.results import ProbeResult, Result
from tests.engine.ground import LETTERS, Script, in_database, make_monitor

pytestmark = pytest.mark.django_db(transaction=True)


class Claim:
    """A watch that this test holds, as a prober would."""

    def __init__(self, connection: AsyncConnection, held: Held, owner: claims.Claimant) -> None:
        self.connection, self.held, self.owner = connection, held, owner

    def seen(self, letters: str, since: datetime, location_id: int | None = None) -> list[Observed]:
        return [
            Observed(
                self.held.check,
                location_id or self.held.location_id,
                since + timedelta(seconds=second),
                ProbeResult(LETTERS[letter], letter, f"{letter}.", said="wire"),
            )
            for second, letter in enumerate(letters)
        ]

    async def store(self, batch: Sequence[Observed], *, is_late: bool = False) -> None:
        held_by_monitor = {self.held.monitor_id: self.held}
        await store(self.connection, self.owner.owner, batch, held_by_monitor, {}, is_late=is_late)


@pytest.fixture
async def claim() -> AsyncIterator[Claim]:
    await in_database(make_monitor)("api-a")
    async with await connect("test", connection_parameters()) as connection:
        number = await claims.location_id(connection, "main")
        owner = claims.Claimant(uuid4(), "main", number, ["scripted"])
        await claims.beat(connection, owner)
        [row] = await claims.claim_free(connection, owner, 10)
        yield Claim(connection, held_from(row, Script().kinds()), owner)


async def verdict() -> str:
    return (await MonitorState.objects.aget()).verdict


async def test_a_replay_of_the_past_turns_no_verdict_and_no_clock(claim: Claim) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    await claim.store(claim.seen("ooo", now))
    await claim.store(claim.seen("ffff", now - timedelta(minutes=5)), is_late=True)
    assert await verdict() == "up"
    assert (await Watch.objects.aget()).last_at == now + timedelta(seconds=2)
    assert await Observation.objects.acount() == 7
    await claim.store(claim.seen("o", now + timedelta(seconds=3)))
    assert await StateChange.objects.acount() == 1


async def test_a_replay_that_reaches_beyond_what_is_known_is_judged_from_there(claim: Claim) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    await MonitorState.objects.aupdate(since=now - timedelta(hours=1))
    await claim.store(claim.seen("oo", now - timedelta(minutes=5)))
    replay = claim.seen("oo", now - timedelta(minutes=5)) + claim.seen("ff", now - timedelta(minutes=4))
    await claim.store(replay, is_late=True)
    down = await StateChange.objects.aget(to_verdict="down")
    assert down.started_at == now - timedelta(minutes=4)
    assert await Observation.objects.acount() == 4


async def test_what_a_prober_of_another_place_left_behind_is_not_ours_to_judge(claim: Claim) -> None:
    now = datetime.now(UTC).replace(microsecond=0)
    async with await connect("test elsewhere", connection_parameters()) as connection:
        elsewhere = await claims.location_id(connection, "elsewhere")
    await Watch.objects.acreate(monitor=await Monitor.objects.aget(), location_id=elsewhere)
    await claim.store(claim.seen("oo", now))
    await claim.store(claim.seen("ff", now + timedelta(seconds=5), elsewhere), is_late=True)
    assert await verdict() == "up"
    watch = await Watch.objects.aget(location__slug="main")
    assert (watch.last_at, watch.last_result) == (now + timedelta(seconds=1), Result.OK)
    assert (await Watch.objects.aget(location__slug="elsewhere")).standing == {}
