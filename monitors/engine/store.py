"""Own the storing of a batch: observations by COPY, states, evidence and news, all in one transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.errors import CheckViolation, UniqueViolation

from monitors.engine.batch import Judged, distinct, evidence_rows, judged, observation_lines, watch_rows
from monitors.engine.held import Held
from monitors.engine.standings import standing_row
from monitors.notices import NOTIFY_SQL, SAMPLE_CHANNEL
from monitors.probes import Kind, Observed
from monitors.results import Result
from monitors.services.verdicts import Settled, settle

COLUMNS = "monitor_id, location_id, at, result, reason, latency_ms, phases_ms"
COPY = f"COPY monitors_observation ({COLUMNS}) FROM STDIN"
# COPY stops at the first row that is there already. A replay may bring such rows: it goes by way of a table of its own.
STAGE = "CREATE TEMPORARY TABLE arrived (LIKE monitors_observation) ON COMMIT DROP"
COPY_STAGED = f"COPY arrived ({COLUMNS}) FROM STDIN"
UNSTAGE = f"INSERT INTO monitors_observation ({COLUMNS}) SELECT {COLUMNS} FROM arrived ON CONFLICT DO NOTHING"  # noqa: S608
# Whose claim was taken over meanwhile updates nothing, and thereby learns it.
WATCHES = """
UPDATE monitors_watch w SET due_at = to_timestamp(b.due_at), "window" = b.seen, last_at = b.last_at,
       last_result = b.result, last_reason = b.reason, last_sentence = b.sentence, last_latency_ms = b.latency_ms
FROM json_to_recordset(%s) AS b (id int8, due_at float8, seen jsonb, last_at timestamptz, result text, reason text,
                                 sentence text, latency_ms float8)
WHERE w.id = b.id AND w.claimed_by = %s RETURNING w.id
"""
# A watch that is not ours to judge was looked at all the same: it did not fall silent before this.
TOUCH = """
UPDATE monitors_watch w SET last_at = b.last_at
FROM (SELECT monitor_id, location_id, max(at) AS last_at
      FROM unnest(%s::int[], %s::int[], %s::timestamptz[]) AS s (monitor_id, location_id, at) GROUP BY 1, 2) b
WHERE w.monitor_id = b.monitor_id AND w.location_id = b.location_id AND w.last_at < b.last_at
"""
STANDINGS = "UPDATE monitors_watch SET standing = %s WHERE id = %s"
OLD_SUCCESS = "DELETE FROM monitors_evidence WHERE monitor_id = %s AND location_id = %s AND result = 'ok'"
EVIDENCE = """
INSERT INTO monitors_evidence (monitor_id, location_id, at, result, reason, latency_ms, phases_ms, sentence, transcript)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING
"""
# Buckets that were counted without late rows are counted again.
REOPEN = """
UPDATE monitors_housejob SET done_until = date_bin(length, %(oldest)s, 'epoch')
FROM (VALUES ('rollup-minute', interval '1 min'), ('rollup-hour', '1 hour'), ('rollup-day', '1 day')) AS g (job, length)
WHERE name = job AND done_until > date_bin(length, %(oldest)s, 'epoch')
"""
LATE_AFTER = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Load:
    """What one transaction writes."""

    owner: UUID
    batch: Sequence[Observed]
    judgements: Sequence[Judged]
    evidence: Sequence[tuple[Any, ...]]

    @property
    def strays(self) -> list[Observed]:
        """Observations of watches that are not ours to judge, or not any more."""
        judged = {(judgement.held.monitor_id, judgement.held.location_id) for judgement in self.judgements}
        return [seen for seen in self.batch if (seen.check.monitor_id, seen.location_id) not in judged]


async def store(
    connection: AsyncConnection,
    owner: UUID,
    batch: Sequence[Observed],
    held_by_monitor: Mapping[int, Held],
    kinds: Mapping[str, Kind],
    *,
    is_late: bool = False,
) -> Settled:
    """Store a batch, judge it, and tell the news. Memory changes only after the commit; raises what Postgres raises.

    Held watches that another prober took over meanwhile are marked dropped: their observations are kept, their
    verdicts are the other's to give.
    """
    batch = distinct(batch)
    judgements = judged(batch, held_by_monitor, is_late=is_late)
    load = Load(owner, batch, judgements, list(evidence_rows(batch, held_by_monitor)))
    try:
        mine, settled = await write(connection, load, kinds, is_replay=False)
    except (UniqueViolation, CheckViolation):
        # Rows that are there already; or a day's partition was added between the plan and the row.
        mine, settled = await write(connection, load, kinds, is_replay=True)
    for judgement in load.judgements:
        if judgement.held.watch_id in mine:
            judgement.held.standing = judgement.standing
        else:
            judgement.held.is_dropped = True
    return settled


async def write(
    connection: AsyncConnection, load: Load, kinds: Mapping[str, Kind], *, is_replay: bool
) -> tuple[set[int], Settled]:
    async with connection.transaction():
        await write_observations(connection, load.batch, is_replay=is_replay)
        mine = await write_watches(connection, load.owner, load.judgements)
        await touch(connection, load.strays)
        await write_evidence(connection, load.evidence)
        await keep(connection, load.batch, kinds)
        oldest = min(observed.at for observed in load.batch)
        if oldest < datetime.now(UTC) - LATE_AFTER:
            await connection.execute(REOPEN, {"oldest": oldest})
        news = [judgement for judgement in load.judgements if judgement.is_news and judgement.held.watch_id in mine]
        settled = await write_news(connection, news) if news else Settled()
        hint = {"kinds": sorted({observed.check.kind for observed in load.batch})}
        await connection.execute(NOTIFY_SQL, [SAMPLE_CHANNEL, json.dumps(hint)])
    return mine, settled


async def write_observations(connection: AsyncConnection, batch: Sequence[Observed], *, is_replay: bool) -> None:
    if is_replay:
        await connection.execute(STAGE)
    async with connection.cursor() as cursor:
        async with cursor.copy(COPY_STAGED if is_replay else COPY) as copy:
            await copy.write(observation_lines(batch))
        if is_replay:
            await cursor.execute(UNSTAGE)


async def write_watches(connection: AsyncConnection, owner: UUID, judgements: Sequence[Judged]) -> set[int]:
    if not judgements:
        return set()
    cursor = await connection.execute(WATCHES, [watch_rows(judgements), owner])
    return {row[0] for row in await cursor.fetchall()}


async def touch(connection: AsyncConnection, strays: Sequence[Observed]) -> None:
    if strays:
        columns = zip(*((one.check.monitor_id, one.location_id, one.at) for one in strays), strict=True)
        await connection.execute(TOUCH, [list(column) for column in columns])


async def write_evidence(connection: AsyncConnection, rows: Sequence[tuple[Any, ...]]) -> None:
    if not rows:
        return
    successes = [row[:2] for row in rows if row[3] == Result.OK.value]
    async with connection.cursor() as cursor:
        if successes:
            await cursor.executemany(OLD_SUCCESS, successes)
        await cursor.executemany(EVIDENCE, rows)


async def keep(connection: AsyncConnection, batch: Sequence[Observed], kinds: Mapping[str, Kind]) -> None:
    """Let the kinds that have more to store than observations store it, in this transaction."""
    for name in sorted({observed.check.kind for observed in batch}):
        kind = kinds.get(name)
        if kind is not None and kind.keep is not None:
            await kind.keep(connection, [observed for observed in batch if observed.check.kind == name])


async def write_news(connection: AsyncConnection, news: Sequence[Judged]) -> Settled:
    async with connection.cursor() as cursor:
        rows = [(json.dumps(standing_row(one.standing)), one.held.watch_id) for one in news]
        await cursor.executemany(STANDINGS, rows)
    return await settle(connection, {judgement.held.monitor_id for judgement in news})
