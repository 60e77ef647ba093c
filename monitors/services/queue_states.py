"""Own the writing of what queues amount to: their latest figures, and the findings that open and close."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from psycopg import AsyncConnection

from monitors.notices import NOTIFY_SQL, STATE_CHANNEL

TYPES = {
    "monitor_id": "integer",
    "at": "timestamptz",
    "depth": "bigint",
    "in_total": "bigint",
    "out_total": "bigint",
    "consumers": "integer",
    "in_flight": "bigint",
    "oldest_at": "timestamptz",
    "ingress_rate": "float8",
    "ack_rate": "float8",
    "delivered_rate": "float8",
    "net_rate": "float8",
    "utilisation_ratio": "float8",
    "eta_s": "float8",
    "eta_low_s": "float8",
    "eta_high_s": "float8",
    "eta_basis": "text",
    "residual": "bigint",
    "word": "text",
    "cause": "text",
    "sentence": "text",
    "since": "timestamptz",
    "judged_at": "timestamptz",
    "memory": "jsonb",
}
NAMES = ", ".join(TYPES)
READ = ", ".join(f"{name} {kind}" for name, kind in TYPES.items())
LAST_KNOWN = ("at", "depth", "in_total", "out_total", "consumers", "in_flight", "oldest_at")
"""What was last seen stays, with its age, while the source tells nothing; what is computed does not."""


def assignment(name: str) -> str:
    if name in LAST_KNOWN:
        return f"{name} = CASE WHEN excluded.at IS NULL THEN kept.{name} ELSE excluded.{name} END"
    if name == "memory":
        return "memory = coalesce(excluded.memory, kept.memory)"
    if name == "since":
        # The word has been so since it was first said, whoever said it.
        return "since = CASE WHEN kept.word = excluded.word THEN kept.since ELSE excluded.since END"
    return f"{name} = excluded.{name}"


ASSIGNMENTS = ",\n    ".join(assignment(name) for name in TYPES if name != "monitor_id")
# The spool replays in order; a prober that lost its lease may be late: an older reading never wins.
UPSERT = f"""
INSERT INTO monitors_queuestate AS kept ({NAMES}, held_reason)
SELECT {NAMES}, '' FROM jsonb_to_recordset(%s) AS told ({READ})
WHERE EXISTS (SELECT FROM monitors_monitor WHERE id = told.monitor_id)
ON CONFLICT (monitor_id) DO UPDATE SET
    {ASSIGNMENTS}
WHERE kept.judged_at IS NULL OR kept.judged_at <= excluded.judged_at
RETURNING monitor_id, held_reason
"""  # noqa: S608 - all names are ours
FINDING_TYPES = "kind text, monitor_id integer, subject text, title text, detail jsonb, started_at timestamptz"
FINDING_NAMES = "kind, monitor_id, subject, title, detail, started_at"
OPEN = f"""
INSERT INTO monitors_finding AS kept ({FINDING_NAMES}, ended_at)
SELECT {FINDING_NAMES}, null FROM jsonb_to_recordset(%s) AS told ({FINDING_TYPES})
ON CONFLICT (kind, subject) WHERE ended_at IS NULL DO UPDATE SET title = excluded.title, detail = excluded.detail
WHERE kept.title <> excluded.title
RETURNING kept.id
"""  # noqa: S608 - all names are ours
HAPPENED = f"""
INSERT INTO monitors_finding ({FINDING_NAMES}, ended_at)
SELECT {FINDING_NAMES}, started_at FROM jsonb_to_recordset(%s) AS told ({FINDING_TYPES})
WHERE NOT EXISTS (SELECT FROM monitors_finding AS known WHERE known.kind = told.kind
    AND known.subject = told.subject AND known.started_at = told.started_at)
RETURNING id
"""  # noqa: S608 - all names are ours
CLOSE = """
UPDATE monitors_finding SET ended_at = judged.at
FROM jsonb_to_recordset(%s) AS judged (subject text, kinds jsonb, at timestamptz)
WHERE ended_at IS NULL AND monitors_finding.subject = judged.subject AND monitors_finding.kind = ANY(%s)
    AND NOT judged.kinds ? monitors_finding.kind
RETURNING id
"""
STALLED, LOSS, DUPLICATION, RESET = "queue_stalled", "unexplained_loss", "unexplained_duplication", "counter_reset"
LASTING = [STALLED, LOSS, DUPLICATION]

Row = Mapping[str, Any]


async def store_states(connection: AsyncConnection[Any], rows: Sequence[Row]) -> dict[int, str]:
    """Write the latest figures, one row a queue, inside the caller's transaction.

    Gives the reasons for which queues are held, by monitor id: what the floor above wrote meanwhile.
    """
    async with connection.cursor() as cursor:
        await cursor.execute(UPSERT, [json.dumps(rows)])
        return {int(row[0]): str(row[1]) for row in await cursor.fetchall()}


async def store_findings(
    connection: AsyncConnection[Any], lasting: Sequence[Row], happened: Sequence[Row], judged: Sequence[Row]
) -> None:
    """Open what lasts, write what happened at an instant, close what `judged` no longer names.

    `judged` has subject, the kinds that hold, and the time; queues that could not be judged are not in it,
    so that not knowing closes nothing.
    """
    changed = 0
    async with connection.cursor() as cursor:
        for statement, rows in ((OPEN, lasting), (HAPPENED, happened)):
            if rows:
                await cursor.execute(statement, [json.dumps(rows)])
                changed += cursor.rowcount
        if judged:
            await cursor.execute(CLOSE, [json.dumps(judged), LASTING])
            changed += cursor.rowcount
        if changed:
            await cursor.execute(NOTIFY_SQL, [STATE_CHANNEL, json.dumps({"findings": changed})])
