"""Own the finding that a location's own network is gone: one while it lasts, whatever the number of its targets."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from psycopg import AsyncConnection

from monitors.notices import NOTIFY_SQL, STATE_CHANNEL

OPEN = """
INSERT INTO monitors_finding (kind, subject, title, detail, started_at)
VALUES ('own_network', %(location)s, %(title)s, '{}', %(since)s)
ON CONFLICT (kind, subject) WHERE ended_at IS NULL DO NOTHING RETURNING id
"""
CLOSE = """
UPDATE monitors_finding SET ended_at = greatest(%(now)s, started_at)
WHERE kind = 'own_network' AND subject = %(location)s AND ended_at IS NULL RETURNING id
"""


async def write_own_network(connection: AsyncConnection, location: str, gone_since: datetime | None) -> bool:
    """Open or close the location's finding; whether anything changed."""
    title = f"The network of the prober at {location} is gone: its targets are not measured"
    parameters = {"location": location, "title": title, "since": gone_since, "now": datetime.now(UTC)}
    async with connection.transaction():
        cursor = await connection.execute(OPEN if gone_since else CLOSE, parameters)
        is_news = await cursor.fetchone() is not None
        if is_news:
            await connection.execute(NOTIFY_SQL, [STATE_CHANNEL, json.dumps({"findings": ["own_network"]})])
    return is_news
