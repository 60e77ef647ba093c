"""Own one prober's life: hold its share of the watches, keep them configured, run them, let go at the end."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection

from monitors.engine import claims
from monitors.engine.claims import LEASE_S, Claimant, Row
from monitors.engine.connections import DATABASE_GONE, connect, connection_parameters
from monitors.engine.guard import Anchor, Guard, is_local
from monitors.engine.held import Held, UnusableOptionsError, configuration_of, held_from
from monitors.engine.recorder import Recorder
from monitors.engine.runner import Runner, close_kinds
from monitors.engine.spool import Spool
from monitors.notices import CONFIG_CHANNEL
from monitors.probes import Kind, Observed
from monitors.processes import DATABASE_GONE as DJANGO_DATABASE_GONE
from monitors.services.prober_findings import write_prober_finding
from monitors.services.silence import fall_silent, settle_silent
from monitors.services.verdicts import settle_components

TICK_S = 1.0
SILENCE_EVERY_S = 5.0
CHORES_EVERY_S = 5.0
SPREAD_US = 2_000
"""What is overdue after a claim starts one every two milliseconds, not all at once."""
WARM_TIMEOUT_S = 10.0

SETTLED_COMPONENTS = "SELECT id FROM monitors_component WHERE removed_at IS NULL OR verdict <> 'unknown'"

log = logging.getLogger(__name__)


class Prober:
    """Claims, runs and records for one location."""

    def __init__(
        self,
        owner: UUID,
        location: str,
        kinds: Mapping[str, Kind],
        spool: Spool,
        *,
        on_observed: Callable[[Observed], None] | None = None,
        anchors: Iterable[Anchor] = (),
        chores: Callable[[], int] | None = None,
    ) -> None:
        self.owner, self.location, self.kinds, self.on_observed = owner, location, kinds, on_observed
        self.parameters = connection_parameters()
        self.chores = chores
        self.held_by_monitor: dict[int, Held] = {}
        self.runner = Runner(self.done)
        self.guard = Guard(anchors, is_local_check=self.is_local_check)
        self._written_doubts: dict[str, datetime | None] = {}
        self.recorder = Recorder(
            owner,
            connect=self.connect_to_store,
            reload=self.reload,
            doubt=self.guard.doubt,
            spool=spool,
            held_by_monitor=self.held_by_monitor,
            kinds=kinds,
        )
        self.claimant: Claimant | None = None
        self.connected_at_s = 0.0
        self.silence_at_s = 0.0
        self._tick = asyncio.Event()
        self._is_house_kept = asyncio.Event()
        self._is_config_stale = False
        self._to_hasten: set[int] = set()

    async def run(self, stop: asyncio.Event) -> None:
        """Probe until told to stop; then let running checks end, store what is left, and release the watches."""
        self.runner.pulse.start()
        recording = asyncio.create_task(self.recorder.run())
        helpers = [
            asyncio.create_task(work()) for work in (self.control, self.listen, self.keep_house, self.keep_doubt)
        ]
        stopping = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait([stopping, recording, *helpers], return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (stopping, *helpers):
                task.cancel()
            outcomes = await asyncio.gather(*helpers, return_exceptions=True)
            await self.runner.drain()
            await close_kinds(self.kinds)
            self.runner.pulse.stop()
            self.recorder.close()
            outcomes += await asyncio.gather(recording, return_exceptions=True)
            await self.let_go()
        for outcome in outcomes:
            # A part that died is a fault of ours: end loudly, and be started again.
            if isinstance(outcome, Exception):
                raise outcome

    def done(self, held: Held, observed: Observed, is_news: bool) -> None:
        self.recorder.add(observed, is_news)
        if self.on_observed is not None:
            self.on_observed(observed)

    async def connect_to_store(self) -> AsyncConnection:
        return await connect("prober", self.parameters)

    async def control(self) -> None:
        """Beat, claim and configure, every second or when told to; connect again whenever Postgres went away."""
        while True:
            try:
                async with await connect("prober claims", self.parameters) as connection:
                    await self.ticks(connection)
            except DATABASE_GONE as error:
                log.warning("claims wait for the database", extra={"error": str(error)[:200]})
                await asyncio.sleep(TICK_S / 2)

    async def ticks(self, connection: AsyncConnection) -> None:
        self.connected_at_s = self.silence_at_s = time.monotonic()
        self._is_config_stale = True
        await self.recorder.is_caught_up.wait()
        await self._is_house_kept.wait()
        number = await claims.location_id(connection, self.location)
        self.claimant = Claimant(self.owner, self.location, number, sorted(self.kinds))
        while True:
            self._tick.clear()
            await self.tick(connection, self.claimant)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._tick.wait(), TICK_S)

    async def tick(self, connection: AsyncConnection, claimant: Claimant) -> None:
        await claims.beat(connection, claimant)
        self.drop([held for held in self.held_by_monitor.values() if held.is_dropped])
        if self._is_config_stale:
            self._is_config_stale = False
            await self.configure(connection, claimant)
        await self.take(connection, claimant)
        self.hasten()
        await self.write_doubts(connection)
        if time.monotonic() - self.silence_at_s >= SILENCE_EVERY_S:
            self.silence_at_s = time.monotonic()
            await self.judge_silence(connection)

    async def write_doubts(self, connection: AsyncConnection) -> None:
        """Tell of what makes us doubt ourselves, once, and of its end. Nothing written yet: an old one may be open."""
        self.runner.pulse.calm_down(datetime.now(UTC))
        doubts = {"own_network": self.guard.gone_since, "prober_overloaded": self.runner.pulse.overloaded_since}
        for kind, since in doubts.items():
            if kind not in self._written_doubts or self._written_doubts[kind] != since:
                await write_prober_finding(connection, kind, self.location, since)
        self._written_doubts = doubts

    async def judge_silence(self, connection: AsyncConnection) -> None:
        now = datetime.now(UTC)
        await settle_silent(connection, now, now - timedelta(seconds=time.monotonic() - self.connected_at_s))

    async def take(self, connection: AsyncConnection, claimant: Claimant) -> None:
        """Take over from the dead, claim up to the fair share, and give back what is beyond it."""
        # After an outage nobody has a fresh heartbeat: the living get the time to show that they are.
        if time.monotonic() - self.connected_at_s >= LEASE_S:
            await self.hold(connection, await claims.claim_orphaned(connection, claimant))
        share = await claims.fair_share(connection, claimant)
        while (room := share - len(self.held_by_monitor)) > 0:
            rows = await claims.claim_free(connection, claimant, room)
            await self.hold(connection, rows)
            if not rows:
                break
        if room < 0:
            surplus = list(self.held_by_monitor.values())[room:]
            self.drop(surplus)
            await claims.release(connection, claimant, [held.watch_id for held in surplus])

    async def hold(self, connection: AsyncConnection, rows: Sequence[Row]) -> None:
        """Make claimed rows run: what fell silent before is judged so first, and kinds with a memory reload it."""
        if silent := [row for row in rows if row["is_silent"]]:
            await self.break_silence(connection, silent)
        fresh = [held for row in rows if (held := self.usable(row)) is not None]
        await self.warm(connection, fresh)
        now_us = self.runner.now_us()
        for position, held in enumerate(sorted(fresh, key=lambda held: held.due_us)):
            held.due_us = max(held.due_us, now_us + position * SPREAD_US)
            self.held_by_monitor[held.monitor_id] = held
        self.runner.hold(fresh)

    async def break_silence(self, connection: AsyncConnection, rows: Sequence[Row]) -> None:
        """Between the last observation and now nobody looked, and what nobody saw was not up."""
        silent = [
            {"id": row["watch_id"], "monitor_id": row["monitor_id"], "since": row["last_at"].timestamp()}
            for row in rows
        ]
        async with connection.transaction():
            await fall_silent(connection, silent, datetime.now(UTC))
        for row in rows:
            row["window"], row["standing"] = [], {}

    def usable(self, row: Row) -> Held | None:
        try:
            return held_from(row, self.kinds)
        except UnusableOptionsError as error:
            log.error("a monitor cannot run", extra={"monitor": row["slug"], "error": str(error)})
            return None

    async def warm(self, connection: AsyncConnection, fresh: Iterable[Held]) -> None:
        by_kind: dict[str, list[Held]] = {}
        for held in fresh:
            by_kind.setdefault(held.kind.name, []).append(held)
        for name, group in by_kind.items():
            warm = self.kinds[name].warm
            if warm is not None:
                async with asyncio.timeout(WARM_TIMEOUT_S):
                    await warm(connection, [held.check for held in group])

    async def configure(self, connection: AsyncConnection, claimant: Claimant) -> None:
        """Bring what is held up to the stored configuration, and components up to the monitors that they have now."""
        rows = {row["monitor_id"]: row for row in await claims.held_rows(connection, claimant)}
        held = self.held_by_monitor
        gone = [one for one in held.values() if one.monitor_id not in rows]
        changed = [row for row in rows.values() if self.is_changed(row)]
        self.drop([*gone, *(held[row["monitor_id"]] for row in changed if row["monitor_id"] in held)])
        await claims.release(connection, claimant, [one.watch_id for one in gone])
        await self.hold(connection, changed)
        await self.settle_everything(connection)

    def is_changed(self, row: Row) -> bool:
        held = self.held_by_monitor.get(row["monitor_id"])
        return held is None or held.configuration != configuration_of(row)

    async def settle_everything(self, connection: AsyncConnection) -> None:
        await self.judge_silence(connection)
        async with connection.transaction():
            cursor = await connection.execute(SETTLED_COMPONENTS)
            await settle_components(connection, [row[0] for row in await cursor.fetchall()])

    async def reload(self, connection: AsyncConnection) -> None:
        """After an outage, judge on from what the database holds; let go of what another prober took."""
        if self.claimant is None:
            return
        await claims.beat(connection, self.claimant)
        rows = {row["monitor_id"]: row for row in await claims.held_rows(connection, self.claimant)}
        for held in list(self.held_by_monitor.values()):
            if held.monitor_id in rows:
                held.remember(rows[held.monitor_id])
            else:
                self.drop([held])

    def drop(self, gone: Iterable[Held]) -> None:
        for held in gone:
            self.runner.drop(held)
            self.held_by_monitor.pop(held.monitor_id, None)

    def hasten(self) -> None:
        while self._to_hasten:
            held = self.held_by_monitor.get(self._to_hasten.pop())
            if held is not None:
                self.runner.hasten(held)

    async def listen(self) -> None:
        """Hear of changed configuration and of checks wanted now."""
        while True:
            try:
                async with await connect("prober listens", self.parameters) as connection:
                    await connection.execute(f"LISTEN {CONFIG_CHANNEL}")
                    async for notice in connection.notifies():
                        self.hear(notice.payload)
            except DATABASE_GONE:
                await asyncio.sleep(TICK_S)

    def is_local_check(self, observed: Observed) -> bool:
        held = self.held_by_monitor.get(observed.check.monitor_id)
        return held is not None and is_local(held.host)

    async def keep_doubt(self) -> None:
        await self.guard.learn()
        await asyncio.Event().wait()

    async def keep_house(self) -> None:
        """Do what is due of the history's chores, in a thread: they are long, and a slot may not wait for them."""
        while True:
            try:
                if self.chores is not None:
                    await asyncio.to_thread(self.chores)
            except DJANGO_DATABASE_GONE as error:
                log.warning("chores wait for the database", extra={"error": str(error)[:200]})
            # The first observations find their day made: adding it later makes their COPY wait or start again.
            self._is_house_kept.set()
            await asyncio.sleep(CHORES_EVERY_S)

    def hear(self, payload: str) -> None:
        with suppress(ValueError):
            hint: Any = json.loads(payload or "{}")
            wanted = hint.get("run") if isinstance(hint, dict) else None
            if wanted is not None:
                self._to_hasten.update(wanted)
            else:
                self._is_config_stale = True
        self._tick.set()

    async def let_go(self) -> None:
        """Release everything, so that another prober takes over at once. A database that is gone does it by lease."""
        if self.claimant is None:
            return
        with suppress(*DATABASE_GONE):
            async with asyncio.timeout(LEASE_S), await connect("prober ends", self.parameters) as connection:
                await claims.leave(connection, self.claimant)
