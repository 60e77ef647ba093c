"""Own the writing of queue samples: raw rows by COPY, and the roll-ups that follow from those that are new."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from psycopg import AsyncConnection

COLUMNS = (
    "monitor_id",
    "at",
    "depth",
    "in_total",
    "out_total",
    "oldest_at",
    "consumers",
    "in_flight",
    "ingress_rate",
    "ack_rate",
)
NAMES = ", ".join(COLUMNS)
INCOMING = """
CREATE TEMP TABLE IF NOT EXISTS queue_incoming (LIKE monitors_queuesample INCLUDING DEFAULTS) ON COMMIT DELETE ROWS
"""
COPY = f"COPY queue_incoming ({NAMES}) FROM STDIN"

ROLLUP = """
INSERT INTO {table} AS kept (
    monitor_id, bucket_at, last_at, samples, rated, depth_min, depth_max, depth_last,
    ingress_min, ingress_max, ingress_last, ingress_mean, ack_min, ack_max, ack_last, ack_mean,
    oldest_max_s, oldest_last_s)
SELECT monitor_id, date_bin('{seconds} s', at, '2000-01-01Z'), max(at), count(*),
    count(coalesce(ingress_rate, ack_rate)),
    min(depth), max(depth), (array_agg(depth ORDER BY at DESC))[1],
    min(ingress_rate), max(ingress_rate), (array_agg(ingress_rate ORDER BY at DESC))[1], avg(ingress_rate),
    min(ack_rate), max(ack_rate), (array_agg(ack_rate ORDER BY at DESC))[1], avg(ack_rate),
    extract(epoch FROM max(at - oldest_at)), extract(epoch FROM (array_agg(at - oldest_at ORDER BY at DESC))[1])
FROM fresh GROUP BY 1, 2
ON CONFLICT (monitor_id, bucket_at) DO UPDATE SET
    last_at = greatest(kept.last_at, excluded.last_at),
    samples = kept.samples + excluded.samples,
    rated = kept.rated + excluded.rated,
    {merged}
"""
LEAST = "{name} = least(kept.{name}, excluded.{name})"
GREATEST = "{name} = greatest(kept.{name}, excluded.{name})"
# A sample that arrives late belongs into the bucket, and is not its last.
LAST = "{name} = CASE WHEN excluded.last_at >= kept.last_at THEN excluded.{name} ELSE kept.{name} END"
MEAN = (
    "{name} = CASE WHEN kept.{name} IS NULL THEN excluded.{name} WHEN excluded.{name} IS NULL THEN kept.{name}"
    " ELSE (kept.{name} * kept.rated + excluded.{name} * excluded.rated) / (kept.rated + excluded.rated) END"
)
MERGED_BY_END = {
    "_min": LEAST,
    "_max": GREATEST,
    "_last": LAST,
    "_mean": MEAN,
    "oldest_max_s": GREATEST,
    "_last_s": LAST,
}
FIGURES = [f"{what}_{end}" for what in ("depth", "ingress", "ack") for end in ("min", "max", "last")]
FIGURES += ["ingress_mean", "ack_mean", "oldest_max_s", "oldest_last_s"]


def merged(name: str) -> str:
    return next(form for end, form in MERGED_BY_END.items() if name.endswith(end)).format(name=name)


def rollup(table: str, seconds: int) -> str:
    return ROLLUP.format(table=table, seconds=seconds, merged=",\n    ".join(map(merged, FIGURES)))


# A row that is there already was counted already: a replayed spool changes nothing. A pushed sample that
# waited is there and was not counted: it is read now, and gets its rates.
STORE = f"""
WITH fresh AS (
    INSERT INTO monitors_queuesample AS kept ({NAMES}, is_read)
    SELECT DISTINCT ON (monitor_id, at) {NAMES}, true FROM queue_incoming ORDER BY monitor_id, at
    ON CONFLICT (monitor_id, at) DO UPDATE
        SET ingress_rate = excluded.ingress_rate, ack_rate = excluded.ack_rate, is_read = true
        WHERE NOT kept.is_read
    RETURNING *
), tens AS ({rollup("monitors_queuetenseconds", 10)}),
minutes AS ({rollup("monitors_queueminute", 60)})
SELECT count(*) FROM fresh
"""  # noqa: S608 - all names are ours


async def store_samples(connection: AsyncConnection[Any], rows: Iterable[Mapping[str, Any]]) -> int:
    """Write samples and their roll-ups inside the caller's transaction; how many were new.

    `rows` have the keys of `COLUMNS`; absent ones are null. Three statements.
    """
    async with connection.cursor() as cursor:
        await cursor.execute(INCOMING)
        async with cursor.copy(COPY) as copy:
            for row in rows:
                await copy.write_row([row.get(name) for name in COLUMNS])
        await cursor.execute(STORE)
        counted = await cursor.fetchone()
    return int(counted[0]) if counted else 0
