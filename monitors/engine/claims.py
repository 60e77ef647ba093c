"""Own who probes what: claims with SKIP LOCKED, the heartbeat as lease, fair shares, takeover from the dead.

A prober holds a watch until it lets go or its heartbeat is older than the lease. So what it holds it can go on
probing while Postgres is gone, and what a killed prober held is taken over without a word from it.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg import AsyncConnection
from psycopg.rows import dict_row

ROLE = "prober"
LEASE_S = 5.0
"""A heartbeat every second and a lease of five: lost beats are forgiven, and a takeover takes six seconds at worst."""
CLAIM_AT_ONCE = 500

BEAT = """
INSERT INTO monitors_processbeat (id, role, host, pid, location, started_at, beat_at, detail)
VALUES (%(id)s, %(role)s, %(host)s, %(pid)s, %(location)s, now(), now(), '{}')
ON CONFLICT (id) DO UPDATE SET beat_at = now()
"""
LOCATION = """
INSERT INTO monitors_location (slug) VALUES (%(slug)s) ON CONFLICT (slug) DO UPDATE SET slug = excluded.slug
RETURNING id
"""
COLUMNS = """
w.id AS watch_id, w.location_id, w.due_at, w.last_at, w.window, w.standing, m.id AS monitor_id, m.slug, m.kind,
m.options, m.interval, m.timeout, m.down_after, m.down_of, m.up_after, m.up_of,
w.last_at < now() - greatest(3 * m.interval, interval '20 seconds') - m.timeout AS is_silent
"""
WATCHED = "w.location_id = %(location_id)s AND NOT m.is_paused AND m.removed_at IS NULL AND m.kind = ANY(%(kinds)s)"
FREE = "w.claimed_by IS NULL"
ORPHANED = """
w.claimed_by <> %(owner)s AND NOT EXISTS (
    SELECT FROM monitors_processbeat b
    WHERE b.id = w.claimed_by AND b.beat_at > now() - make_interval(secs => %(lease_s)s)
)
"""
CLAIM = f"""
WITH claimed AS (
    SELECT w.id FROM monitors_watch w JOIN monitors_monitor m ON m.id = w.monitor_id
    WHERE {WATCHED} AND {{condition}}
    ORDER BY w.due_at LIMIT %(limit)s FOR UPDATE OF w SKIP LOCKED
)
UPDATE monitors_watch w SET claimed_by = %(owner)s
FROM claimed, monitors_monitor m WHERE w.id = claimed.id AND m.id = w.monitor_id
RETURNING {COLUMNS}
"""  # noqa: S608 - constants only
HELD = f"""
SELECT {COLUMNS} FROM monitors_watch w JOIN monitors_monitor m ON m.id = w.monitor_id
WHERE w.claimed_by = %(owner)s AND {WATCHED}
"""  # noqa: S608 - constants only
NAMED = "m.slug = ANY(%(slugs)s)"
DUE = "w.due_at <= now()"
BY_NAME = f"""
SELECT {COLUMNS} FROM monitors_watch w JOIN monitors_monitor m ON m.id = w.monitor_id
WHERE {WATCHED} AND {NAMED} ORDER BY m.slug
"""  # noqa: S608 - constants only
SHARE = """
SELECT (SELECT count(*) FROM monitors_watch WHERE location_id = %(location_id)s),
       (SELECT count(*) FROM monitors_processbeat
        WHERE role = %(role)s AND location = %(location)s AND beat_at > now() - make_interval(secs => %(lease_s)s))
"""
RELEASE = "UPDATE monitors_watch SET claimed_by = NULL WHERE claimed_by = %(owner)s AND id = ANY(%(watches)s)"
RELEASE_ALL = "UPDATE monitors_watch SET claimed_by = NULL WHERE claimed_by = %(owner)s"

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Claimant:
    """A prober, as the claims know it."""

    owner: UUID
    location: str
    location_id: int
    kinds: list[str]

    def parameters(self, **more: Any) -> Row:
        named = {"owner": self.owner, "location": self.location, "location_id": self.location_id, "kinds": self.kinds}
        return {**named, "role": ROLE, "lease_s": LEASE_S, **more}


async def location_id(connection: AsyncConnection, slug: str) -> int:
    cursor = await connection.execute(LOCATION, {"slug": slug})
    row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


async def beat(connection: AsyncConnection, claimant: Claimant) -> None:
    await connection.execute(
        BEAT,
        {
            "id": claimant.owner,
            "role": ROLE,
            "host": socket.gethostname()[:253],
            "pid": os.getpid(),
            "location": claimant.location,
        },
    )


async def fair_share(connection: AsyncConnection, claimant: Claimant) -> int:
    """How many of the location's watches one of its living probers should hold, rounded up."""
    cursor = await connection.execute(SHARE, claimant.parameters())
    row = await cursor.fetchone()
    assert row is not None
    watches, probers = map(int, row)
    return -(-watches // max(probers, 1))


async def claim_free(connection: AsyncConnection, claimant: Claimant, limit: int) -> list[Row]:
    return await rows(connection, CLAIM.format(condition=FREE), claimant.parameters(limit=min(limit, CLAIM_AT_ONCE)))


async def claim_orphaned(connection: AsyncConnection, claimant: Claimant) -> list[Row]:
    """Take over from the dead, whatever the share: an unwatched monitor is worse than an uneven load."""
    return await rows(connection, CLAIM.format(condition=ORPHANED), claimant.parameters(limit=CLAIM_AT_ONCE))


async def claim_once(connection: AsyncConnection, claimant: Claimant, slugs: Sequence[str]) -> list[Row]:
    """The named watches, or those that are due; what no living prober holds is claimed on the way.

    A named watch that another holds is returned as well: it may be looked at, but not judged.
    """
    parameters = claimant.parameters(limit=CLAIM_AT_ONCE, slugs=list(slugs))
    wanted = NAMED if slugs else DUE
    claimed = await rows(connection, CLAIM.format(condition=f"({FREE} OR {ORPHANED}) AND {wanted}"), parameters)
    return await rows(connection, BY_NAME, parameters) if slugs else claimed


async def held_rows(connection: AsyncConnection, claimant: Claimant) -> list[Row]:
    """What this prober holds, as it is configured and judged now."""
    return await rows(connection, HELD, claimant.parameters())


async def release(connection: AsyncConnection, claimant: Claimant, watches: Sequence[int]) -> None:
    await connection.execute(RELEASE, claimant.parameters(watches=list(watches)))


async def leave(connection: AsyncConnection, claimant: Claimant) -> None:
    """Release everything and take back the heartbeat, so that another takes over without waiting for the lease."""
    await connection.execute(RELEASE_ALL, claimant.parameters())
    await connection.execute("DELETE FROM monitors_processbeat WHERE id = %s", [claimant.owner])


async def rows(connection: AsyncConnection, query: str, parameters: Row) -> list[Row]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, parameters)
        return await cursor.fetchall()
