"""Own the findings about a prober itself: its network is gone, it is overloaded. One each while it lasts."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from psycopg import AsyncConnection

from monitors.notices import NOTIFY_SQL, STATE_CHANNEL

TITLES = {
    "own_network": "The network of the prober at {location} is gone: its targets are not measured",
    "prober_overloaded": "The prober at {location} is overloaded: slow answers and timeouts there may be its own",
}
OPEN = """
INSERT INTO monitors_finding (kind, subject, title, detail, started_at)
VALUES (%(kind)s, %(location)s, %(title)s, '{}', %(since)s)
ON CONFLICT (kind, subject) WHERE ended_at IS NULL DO NOTHING RETURNING id
"""
CLOSE = """
UPDATE monitors_finding SET ended_at = greatest(%(now)s, started_at)
WHERE kind = %(kind)s AND subject = %(location)s AND ended_at IS NULL RETURNING id
"""


async def write_prober_finding(connection: AsyncConnection, kind: str, location: str, since: datetime | None) -> bool:
    """Open the location's finding of this kind, or close it where `since` is None; whether anything changed."""
    title = TITLES[kind].format(location=location)
    parameters = {"kind": kind, "location": location, "title": title, "since": since, "now": datetime.now(UTC)}
    async with connection.transaction():
        cursor = await connection.execute(OPEN if since else CLOSE, parameters)
        is_news = await cursor.fetchone() is not None
        if is_news:
            await connection.execute(NOTIFY_SQL, [STATE_CHANNEL, json.dumps({"findings": [kind]})])
    return is_news
