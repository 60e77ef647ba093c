"""Own the writing of what watched domains publish: the record as last seen, and each confirmed change of it.

It runs inside the prober's storing transaction, on the prober's own connection, hence plain SQL.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from monitors.mail_dns.confirmation import Confirmed, Standing, watch
from monitors.mail_dns.differences import differences, headline, subject_of
from monitors.mail_dns.evidence import Seen
from monitors.results import Result

if TYPE_CHECKING:  # the registry of kinds imports this room, through the kind whose rows it keeps
    from monitors.probes.kind import Observed

GOOD = {Result.OK, Result.WARN}

READ = """
SELECT monitor_id, record, name, result, result_since, ttl_s, values, pending_values, pending_at, pending_until,
       judged_at, learnt_at, good_at, good_values, good_sentence
FROM monitors_domainrecord WHERE monitor_id = ANY(%s) ORDER BY id FOR UPDATE
"""
WRITE = """
INSERT INTO monitors_domainrecord (
    monitor_id, record, name, result, reason, sentence, notes, words, detail, is_published, server, ttl_s, values,
    pending_values, pending_at, pending_until, judged_at, learnt_at, good_at, good_values, good_sentence, result_since)
VALUES (
    %(monitor_id)s, %(record)s, %(name)s, %(result)s, %(reason)s, %(sentence)s, %(notes)s, %(words)s, %(detail)s,
    %(is_published)s, %(server)s, %(ttl_s)s, %(values)s, %(pending_values)s, %(pending_at)s, %(pending_until)s,
    %(judged_at)s, %(learnt_at)s, %(good_at)s, %(good_values)s, %(good_sentence)s, %(result_since)s)
ON CONFLICT ON CONSTRAINT one_row_per_domain_record DO UPDATE SET
    result = excluded.result, reason = excluded.reason, sentence = excluded.sentence, notes = excluded.notes,
    words = excluded.words, detail = excluded.detail, is_published = excluded.is_published, server = excluded.server,
    ttl_s = excluded.ttl_s, values = excluded.values, pending_values = excluded.pending_values,
    pending_at = excluded.pending_at, pending_until = excluded.pending_until, judged_at = excluded.judged_at,
    learnt_at = excluded.learnt_at, good_at = excluded.good_at, good_values = excluded.good_values,
    good_sentence = excluded.good_sentence, result_since = excluded.result_since
"""
CHANGE = """
INSERT INTO monitors_recordchange
    (monitor_id, record, name, before, after, diff, title, confirmed_by, seen_at, confirmed_at)
VALUES (%(monitor_id)s, %(record)s, %(name)s, %(before)s, %(after)s, %(diff)s, %(title)s, %(confirmed_by)s,
    %(seen_at)s, %(confirmed_at)s)
"""
FINDING = """
INSERT INTO monitors_finding (kind, monitor_id, subject, title, detail, started_at, ended_at)
VALUES ('record_changed', %(monitor_id)s, %(subject)s, %(title)s, %(detail)s, %(seen_at)s, %(seen_at)s)
"""

Key = tuple[int, str, str]


@dataclass(slots=True)
class Batch:
    """The rows that one batch of observations leads to. `standing` is what is remembered, by monitor, record, name."""

    remembered: dict[Key, dict[str, Any]]
    records: dict[Key, dict[str, Any]] = field(default_factory=dict)
    changes: list[dict[str, Any]] = field(default_factory=list)

    def take(self, monitor_id: int, at: datetime, seen: Seen) -> None:
        key = (monitor_id, seen.record, seen.name)
        before = self.records.get(key) or self.remembered.get(key) or {}
        if before and at < before["judged_at"]:
            return  # told late, out of the spool: a younger look has been kept already
        after, change = next_row(before, seen, at)
        self.records[key] = {**after, "monitor_id": monitor_id}
        if change is not None:
            self.changes.append({"monitor_id": monitor_id, "record": seen.record, "name": seen.name, "change": change})


async def keep_domain_records(connection: AsyncConnection, batch: Sequence[Observed]) -> None:
    """Write the records of a batch, their confirmed changes, and a finding for each. Five statements at most."""
    looks = [one for one in batch if one.result.details]
    if not looks:
        return
    rows = Batch(await _remembered(connection, sorted({one.check.monitor_id for one in looks})))
    for one in sorted(looks, key=lambda look: look.at):
        for seen in (one.result.details or {})["records"]:
            rows.take(one.check.monitor_id, one.at, Seen.from_json(seen))
    async with connection.cursor() as cursor:
        await cursor.executemany(WRITE, [_as_sql(row) for row in rows.records.values()])
        if rows.changes:
            told = [_told(**change) for change in rows.changes]
            await cursor.executemany(CHANGE, told)
            await cursor.executemany(FINDING, told)


async def _remembered(connection: AsyncConnection, monitor_ids: list[int]) -> dict[Key, dict[str, Any]]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(READ, [monitor_ids])
        return {(row["monitor_id"], row["record"], row["name"]): row async for row in cursor}


def next_row(before: Mapping[str, Any], seen: Seen, at: datetime) -> tuple[dict[str, Any], Confirmed | None]:
    """The row after one look, and the change that it confirms. A look that learnt nothing keeps what was known."""
    standing, change = _standing(before), None
    if seen.is_learnt:
        standing, change = watch(standing, seen.values, seen.ttl_s, at, is_agreed=seen.is_agreed)
    is_good = seen.result in GOOD and seen.is_learnt
    row = {
        "record": seen.record,
        "name": seen.name,
        "result": seen.result.value,
        "reason": seen.reason,
        "sentence": seen.sentence,
        "notes": seen.notes,
        "words": seen.words,
        "detail": seen.detail,
        "is_published": seen.is_published,
        "server": seen.server or "",
        "ttl_s": standing.ttl_s,
        "values": standing.values,
        "pending_values": standing.pending,
        "pending_at": standing.pending_at,
        "pending_until": standing.pending_until,
        "judged_at": at,
        "learnt_at": at if seen.is_learnt else before.get("learnt_at"),
        "good_at": at if is_good else before.get("good_at"),
        "good_values": seen.values if is_good else before.get("good_values"),
        "good_sentence": seen.sentence if is_good else before.get("good_sentence") or "",
        "result_since": before["result_since"] if before.get("result") == seen.result.value else at,
    }
    return row, change


def _standing(before: Mapping[str, Any]) -> Standing:
    if not before or before["values"] is None:
        return Standing()
    pending = before["pending_values"]
    return Standing(
        tuple(before["values"]),
        before["ttl_s"],
        None if pending is None else tuple(pending),
        before["pending_at"],
        before["pending_until"],
    )


JSON_COLUMNS = ("notes", "words", "detail", "values", "pending_values", "good_values")


def _as_sql(row: dict[str, Any]) -> dict[str, Any]:
    lists = {name: None if row[name] is None else Jsonb(row[name]) for name in JSON_COLUMNS}
    return {**row, **lists}


def _told(monitor_id: int, record: str, name: str, change: Confirmed) -> dict[str, Any]:
    diff = [{"op": line.op, "text": line.text} for line in differences(record, change.before, change.after)]
    before, after = list(change.before), list(change.after)
    return {
        "monitor_id": monitor_id,
        "record": record,
        "name": name,
        "before": Jsonb(before),
        "after": Jsonb(after),
        "diff": Jsonb(diff),
        "title": headline(record, name, before, after)[:300],
        "confirmed_by": change.confirmed_by,
        "seen_at": change.seen_at,
        "confirmed_at": change.confirmed_at,
        "subject": subject_of(record, name)[:253],
        "detail": Jsonb({"record": record, "name": name, "diff": diff, "confirmed_by": change.confirmed_by}),
    }
