"""Own the reading of heartbeats: the newest call of each kind, for the prober; the last calls, for people."""

from __future__ import annotations

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from monitors.heartbeats import Heard

HEARD_SQL = """
SELECT coalesce(watched.created_at, now()) AS listening_since,
       (SELECT max(received_at) FROM newest WHERE kind = 'start') AS started_at,
       (SELECT max(received_at) FROM newest WHERE kind = 'finish') AS finished_at,
       (SELECT max(received_at) FROM newest WHERE kind = 'fail') AS failed_at,
       (SELECT exit_code FROM newest WHERE kind = 'fail') AS exit_code,
       coalesce((SELECT note FROM newest WHERE kind = 'fail'), '') AS note
FROM (SELECT 1) one LEFT JOIN monitors_monitor watched ON watched.id = %(monitor_id)s
"""
NEWEST_SQL = """
WITH newest AS (
    SELECT signal.kind, signal.received_at, signal.exit_code, signal.note
    FROM unnest(ARRAY['start', 'finish', 'fail']) AS wanted(kind)
    CROSS JOIN LATERAL (
        SELECT kind, received_at, exit_code, note FROM monitors_heartbeatsignal
        WHERE monitor_id = %(monitor_id)s AND kind = wanted.kind ORDER BY id DESC LIMIT 1
    ) signal
)
"""


async def heard(connection: AsyncConnection, monitor_id: int) -> Heard:
    """The newest call of each kind. One query, four index look-ups. Raises psycopg.Error."""
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(NEWEST_SQL + HEARD_SQL, {"monitor_id": monitor_id})
        row = await cursor.fetchone()
    assert row is not None
    return Heard(**row)
