"""Own what the prober reads of a queue's past: recent samples, what was remembered, the usual rate of the hour."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection

from monitors.flow import Sample

RECENT = """
SELECT monitor_id, at, depth, in_total, out_total, oldest_at, consumers, in_flight
FROM monitors_queuesample WHERE monitor_id = ANY(%s) AND at >= %s AND is_read ORDER BY at
"""
STATES = "SELECT monitor_id, memory, held_reason FROM monitors_queuestate WHERE monitor_id = ANY(%s)"
# The same hour of the day, on each of the last seven days: half an hour before and after.
USUAL = """
SELECT monitor_id, percentile_cont(0.5) WITHIN GROUP (ORDER BY ack_mean)
FROM monitors_queueminute, generate_series(1, 7) AS day
WHERE monitor_id = ANY(%(ids)s) AND ack_mean IS NOT NULL
    AND bucket_at BETWEEN %(now)s - day * interval '24 h' - interval '30 min'
        AND %(now)s - day * interval '24 h' + interval '30 min'
GROUP BY 1 HAVING count(*) >= %(minutes)s
"""
MINUTES_FOR_USUAL = 30
"""Below half an hour of the same hour on earlier days, nothing is usual yet."""


async def recent_samples(
    connection: AsyncConnection[Any], monitor_ids: Sequence[int], since: datetime
) -> dict[int, list[Sample]]:
    """Samples by monitor, oldest first. One query."""
    found: dict[int, list[Sample]] = {}
    async with connection.cursor() as cursor:
        await cursor.execute(RECENT, [list(monitor_ids), since])
        async for monitor_id, *figures in cursor:
            found.setdefault(monitor_id, []).append(Sample(*figures))
    return found


async def stored_states(
    connection: AsyncConnection[Any], monitor_ids: Sequence[int]
) -> dict[int, tuple[dict[str, Any] | None, str]]:
    """What was remembered, and why the queue is held, by monitor. One query."""
    async with connection.cursor() as cursor:
        await cursor.execute(STATES, [list(monitor_ids)])
        return {monitor_id: (memory, held) async for monitor_id, memory, held in cursor}


async def usual_ack_rates(
    connection: AsyncConnection[Any], monitor_ids: Sequence[int], now: datetime
) -> dict[int, float]:
    """Median ack rate of this hour on the last seven days, where it is known. One query."""
    async with connection.cursor() as cursor:
        await cursor.execute(USUAL, {"ids": list(monitor_ids), "now": now, "minutes": MINUTES_FOR_USUAL})
        return {monitor_id: rate async for monitor_id, rate in cursor}
