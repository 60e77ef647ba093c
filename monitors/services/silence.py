"""Own the verdict on silence: what nothing live reports on is unknown, from its last observation on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from monitors.results import Verdict
from monitors.services.verdicts import Settled, fetched, settle

# Mirrors verdicts.stale_after_s. `watching_since`: an outage of Postgres itself silences everybody, and is no news.
SILENT = """
SELECT w.id, w.monitor_id, w.last_at, extract(epoch FROM w.last_at)::float AS since
FROM monitors_watch w
JOIN monitors_monitor m ON m.id = w.monitor_id
JOIN monitors_monitorstate s ON s.monitor_id = m.id
WHERE m.removed_at IS NULL AND s.verdict <> 'unknown' AND (m.is_paused OR
    greatest(w.last_at, %(watching_since)s) < %(now)s - greatest(3 * m.interval, interval '20 seconds') - m.timeout)
ORDER BY w.id FOR UPDATE OF w
"""
REMOVED = """
SELECT s.monitor_id FROM monitors_monitorstate s JOIN monitors_monitor m ON m.id = s.monitor_id
WHERE m.removed_at IS NOT NULL AND s.verdict <> 'unknown'
"""
FORGET = """
UPDATE monitors_watch SET standing = %s, "window" = '[]', claimed_by = CASE WHEN %s THEN claimed_by END WHERE id = %s
"""
REASON = "no_report"


async def settle_silent(connection: AsyncConnection, now: datetime, watching_since: datetime) -> Settled:
    """Mark what fell silent, was paused or removed, as unknown. `watching_since`: since when we could have heard."""
    async with connection.transaction():
        rows = await fetched(connection, SILENT, {"now": now, "watching_since": watching_since})
        removed = await fetched(connection, REMOVED, {})
        await forget(connection, rows, keep_claims=False)
        return await settle(connection, {row["monitor_id"] for row in [*rows, *removed]}, now)


async def fall_silent(connection: AsyncConnection, rows: Sequence[dict[str, Any]], now: datetime) -> Settled:
    """Take back the standing of these watches of ours: nobody looked until now."""
    await forget(connection, rows, keep_claims=True)
    return await settle(connection, {row["monitor_id"] for row in rows}, now)


async def forget(connection: AsyncConnection, rows: Sequence[dict[str, Any]], *, keep_claims: bool) -> None:
    """Take back standings, and with them the claims of who should have reported. Who never did has none to lose."""
    rows = [row for row in rows if row["since"] is not None]
    if rows:
        forgotten = [(json.dumps(silent_standing(row["since"])), keep_claims, row["id"]) for row in rows]
        async with connection.cursor() as cursor:
            await cursor.executemany(FORGET, forgotten)


def silent_standing(since: float) -> dict[str, Any]:
    return {
        "verdict": Verdict.UNKNOWN.value,
        "since": since,
        "confirmed_at": since,
        "reason": REASON,
        "sentence": "No live prober reports on this monitor.",
        "is_flapping": False,
        "flips": [],
    }
