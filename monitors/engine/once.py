"""Own the single look: run due or named monitors once, store what was seen, and end."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from uuid import uuid4

from psycopg import AsyncConnection

from monitors.engine import claims
from monitors.engine.claims import Claimant
from monitors.engine.connections import connect, connection_parameters
from monitors.engine.held import Held, held_from
from monitors.engine.runner import GRACE_S, close_kinds, overran, probe, wall_us
from monitors.engine.store import store
from monitors.probes import Kind, Observed
from monitors.schedule import moment, slot_after

AT_ONCE = 50


async def probe_once(
    location: str, kinds: Mapping[str, Kind], slugs: Sequence[str], on_observed: Callable[[Observed], None]
) -> list[Observed]:
    """Every due monitor, or the named ones, due or not. Raises UnusableOptionsError, and what Postgres raises."""
    async with await connect("probe --once", connection_parameters()) as connection:
        number = await claims.location_id(connection, location)
        claimant = Claimant(uuid4(), location, number, sorted(kinds))
        try:
            await claims.beat(connection, claimant)
            held = [held_from(row, kinds) for row in await claims.claim_once(connection, claimant, slugs)]
            return await look(connection, claimant, held, kinds, on_observed)
        finally:
            await close_kinds(kinds)
            await claims.leave(connection, claimant)


async def look(
    connection: AsyncConnection,
    claimant: Claimant,
    held: Sequence[Held],
    kinds: Mapping[str, Kind],
    on_observed: Callable[[Observed], None],
) -> list[Observed]:
    free = asyncio.Semaphore(AT_ONCE)

    async def one(watch: Held) -> Observed:
        async with free:
            started_us = wall_us()
            try:
                async with asyncio.timeout(watch.check.timeout_s + GRACE_S):
                    result = await probe(watch)
            except TimeoutError:
                result = overran(watch)
        observed = Observed(watch.check, watch.location_id, moment(started_us), result)
        watch.due_us = slot_after(started_us, watch.interval_us, watch.phase_us)
        on_observed(observed)
        return observed

    for name in {watch.kind.name for watch in held}:
        if (warm := kinds[name].warm) is not None:
            await warm(connection, [watch.check for watch in held if watch.kind.name == name])
    observed = await asyncio.gather(*(one(watch) for watch in held))
    if observed:
        await store(connection, claimant.owner, observed, {watch.monitor_id: watch for watch in held}, kinds)
    return observed
