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
FORGET = """
UPDATE monitors_watch SET standing = %s, "window" = '[]', claimed_by = CASE WHEN %s THEN claimed_by END WHERE id = %s
"""
REASON = "no_report"


async def settle_silent(connection: AsyncConnection, now: datetime, watching_since: datetime) -> Settled:
    """Mark what fell silent, and what was paused, as unknown. `watching_since`: since when we could have heard."""
    async with connection.transaction():
        rows = await fetched(connection, SILENT, {"now": now, "watching_since": watching_since})
        return await fall_silent(connection, rows, now)


async def fall_silent(
    connection: AsyncConnection, rows: Sequence[dict[str, Any]], now: datetime, *, keep_claims: bool = False
) -> Settled:
    """Take back the standing of these watches, and with it the claim of whoever should have reported on them."""
    if not rows:
        return Settled()
    forgotten = [(json.dumps(silent_standing(row["since"])), keep_claims, row["id"]) for row in rows]
    async with connection.cursor() as cursor:
        await cursor.executemany(FORGET, forgotten)
    return await settle(connection, {row["monitor_id"] for row in rows}, now)


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
