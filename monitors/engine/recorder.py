"""Own the way of observations into Postgres: in batches, at once where there is news, by the spool if it is gone."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from uuid import UUID

import psycopg
from psycopg import AsyncConnection

from monitors.engine.connections import DATABASE_GONE
from monitors.engine.held import Held
from monitors.engine.spool import Spool, adopted_spools
from monitors.engine.store import store
from monitors.probes import Kind, Observed
from monitors.results import ProbeResult

GATHER_S = 0.2
"""How long observations without news wait for company."""
BATCH = 500
STORE_TIMEOUT_S = 15.0
RETRY_S = 0.5
IN_MEMORY = 10_000
"""Observations kept in memory with their evidence when the disk is full as well."""

log = logging.getLogger(__name__)

Connect = Callable[[], Awaitable[AsyncConnection]]
Reload = Callable[[AsyncConnection], Awaitable[None]]
Doubt = Callable[[Sequence[Observed]], Awaitable[list[Observed]]]


class Recorder:
    """Takes finished checks and stores them in order. Nothing it was given is lost while its process lives."""

    def __init__(
        self,
        owner: UUID,
        *,
        connect: Connect,
        reload: Reload,
        doubt: Doubt,
        spool: Spool,
        held_by_monitor: Mapping[int, Held],
        kinds: Mapping[str, Kind],
    ) -> None:
        self.owner, self.connect, self.reload, self.doubt, self.spool = owner, connect, reload, doubt, spool
        self.held_by_monitor, self.kinds = held_by_monitor, kinds
        self.stored = 0
        self.is_caught_up = asyncio.Event()
        """Set when everything that was left on disk is stored: only then does the last observation tell of silence."""
        self._pending: list[Observed] = []
        self._wake = asyncio.Event()
        self._timer: asyncio.TimerHandle | None = None
        self._connection: AsyncConnection | None = None
        self._is_closing = False

    def add(self, observed: Observed, is_news: bool) -> None:
        self._pending.append(observed)
        if is_news or len(self._pending) >= BATCH:
            self._wake.set()
        elif self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(GATHER_S, self._wake.set)

    async def run(self) -> None:
        """Store until closed. While Postgres is gone, spool, and try again every half second."""
        await self.flush()
        while not self._is_closing:
            is_behind = self._connection is None or self.spool.waiting > 0
            with suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), RETRY_S if is_behind else None)
            await self.flush()
        await self.flush()
        await self._disconnect()

    def close(self) -> None:
        """Let `run` store what is left, or spool it, and return."""
        self._is_closing = True
        self._wake.set()

    async def flush(self) -> None:
        """Store everything that is pending, or spool it."""
        self._wake.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        # What arrives meanwhile waits for company again, or one batch would follow the other, each of a few.
        pending, self._pending = self._pending, []
        for start in range(0, len(pending), BATCH):
            await self._record(await self.doubt(pending[start : start + BATCH]))
        if self._connection is None or self.spool.waiting:
            await self._catch_up()

    async def _record(self, batch: Sequence[Observed]) -> None:
        if self._connection is None or self.spool.waiting or not await self._store(batch):
            self._spool(batch)

    def _spool(self, batch: Sequence[Observed]) -> None:
        """Onto disk; where the disk refuses it too, memory is all that is left, and evidence goes first."""
        try:
            self.spool.append(batch)
        except OSError as error:
            kept = batch if len(self._pending) + len(batch) <= IN_MEMORY else map(without_evidence, batch)
            self._pending[:0] = kept
            log.error("spool not written", extra={"in_memory": len(self._pending), "error": str(error)})

    async def _catch_up(self) -> None:
        """Connect again and replay in order; what arrives meanwhile queues up behind."""
        if self._connection is None and not await self._reconnect():
            return
        for left in adopted_spools(self.spool.directory.parent):
            log.info("replaying what another prober left behind", extra={"waiting": left.waiting})
            is_replayed = await self._replay(left)
            left.close()
            if not is_replayed:
                return
        if await self._replay(self.spool):
            self.is_caught_up.set()

    async def _replay(self, spool: Spool) -> bool:
        while spool.waiting:
            batch = spool.peek(BATCH, self.held_by_monitor)
            if batch and not await self._store(batch, is_late=True):
                spool.step_back()
                return False
            spool.advance()
            if self._pending:
                arrived, self._pending = self._pending, []
                self._spool(await self.doubt(arrived))
        return True

    async def _reconnect(self) -> bool:
        try:
            self._connection = await self.connect()
            await self.reload(self._connection)
        except DATABASE_GONE as error:
            log.warning("database gone, spooling", extra={"waiting": self.spool.waiting, "error": str(error)[:200]})
            await self._disconnect()
            return False
        if self.spool.waiting:
            log.info("database back, replaying", extra={"waiting": self.spool.waiting})
        return True

    async def _disconnect(self) -> None:
        if self._connection is not None:
            with suppress(*DATABASE_GONE):
                await self._connection.close()
            self._connection = None

    async def _store(self, batch: Sequence[Observed], *, is_late: bool = False) -> bool:
        """Whether the batch is dealt with; False when Postgres is gone. One bad row does not spoil its batch."""
        assert self._connection is not None
        try:
            async with asyncio.timeout(STORE_TIMEOUT_S):
                await store(self._connection, self.owner, batch, self.held_by_monitor, self.kinds, is_late=is_late)
        except DATABASE_GONE as error:
            log.warning("batch not stored, spooling", extra={"size": len(batch), "error": str(error)[:200]})
            await self._disconnect()
            return False
        except Exception:
            if self._connection.closed:
                await self._disconnect()
                return False
            return await self._store_without_the_bad(batch, is_late=is_late)
        self.stored += len(batch)
        return True

    async def _store_without_the_bad(self, batch: Sequence[Observed], *, is_late: bool) -> bool:
        if len(batch) > 1:
            half = len(batch) // 2
            return await self._store(batch[:half], is_late=is_late) and await self._store(batch[half:], is_late=is_late)
        log.exception("an observation was refused, stored without its details", extra={"check": batch[0].check.slug})
        bare = [replace(batch[0], result=bare_result(batch[0]))]
        try:
            assert self._connection is not None
            await store(self._connection, self.owner, bare, self.held_by_monitor, {}, is_late=is_late)
        except DATABASE_GONE:
            # Gone in between: it was not refused, and comes again by the spool.
            await self._disconnect()
            return False
        except psycopg.Error:
            log.exception("an observation was refused even bare", extra={"check": batch[0].check.slug})
        return True


def without_evidence(observed: Observed) -> Observed:
    return replace(observed, result=replace(observed.result, said=None))


def bare_result(observed: Observed) -> ProbeResult:
    return replace(observed.result, sentence="", phases_ms={}, said=None, details=None)
