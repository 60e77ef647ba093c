"""Own the writing of verdicts on monitors and components: state, news, interval and hint in one transaction.

These run on the prober's own asynchronous connection, inside the transaction of the caller. Rows are locked in the
order of their ids, monitors before components, so that two probers wait for each other and never block.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any

from psycopg import AsyncConnection
from psycopg.rows import dict_row

from monitors.notices import NOTIFY_SQL, STATE_CHANNEL
from monitors.results import Verdict
from monitors.rollup import Dependency, Member, component_outcome
from monitors.verdicts import Outcome, Report, quorum, stale_after_s

MICROSECOND = timedelta(microseconds=1)
NAMED_IN_A_HINT = 200
"""NOTIFY carries 8,000 bytes: a hint on more subjects than this names none, and means all."""

STATES = """
SELECT s.monitor_id AS id, s.verdict, s.since, s.sentence, s.is_flapping, m.slug, m.component_id, m.is_paused,
       extract(epoch FROM m.interval)::float AS interval_s, extract(epoch FROM m.timeout)::float AS timeout_s
FROM monitors_monitorstate s JOIN monitors_monitor m ON m.id = s.monitor_id
WHERE s.monitor_id = ANY(%s) ORDER BY s.monitor_id FOR UPDATE OF s
"""
MISSING_STATES = """
INSERT INTO monitors_monitorstate (monitor_id, verdict, since, reason, sentence, is_flapping)
SELECT id, 'unknown', now(), '', '', false FROM monitors_monitor WHERE id = ANY(%s) ON CONFLICT DO NOTHING
"""
STANDINGS = """
SELECT w.monitor_id, l.slug AS location, w.standing, extract(epoch FROM w.last_at)::float AS last_at
FROM monitors_watch w JOIN monitors_location l ON l.id = w.location_id WHERE w.monitor_id = ANY(%s)
"""
COMPONENTS = """
SELECT id, name, verdict, verdict_since AS since, sentence FROM monitors_component
WHERE (removed_at IS NULL OR verdict <> 'unknown') AND (id = ANY(%(ids)s) OR id IN (
    SELECT from_component_id FROM monitors_component_depends_on WHERE to_component_id = ANY(%(ids)s)))
ORDER BY id FOR UPDATE
"""
MEMBERS = """
SELECT m.component_id, m.slug, m.kind, m.site, m.zone, s.verdict, extract(epoch FROM s.since)::float AS since,
       s.reason, s.sentence
FROM monitors_monitor m JOIN monitors_monitorstate s ON s.monitor_id = m.id
WHERE m.component_id = ANY(%s) AND NOT m.is_paused AND m.removed_at IS NULL ORDER BY m.slug
"""
DEPENDENCIES = """
SELECT d.from_component_id AS component_id, c.id, c.name, c.verdict
FROM monitors_component_depends_on d JOIN monitors_component c ON c.id = d.to_component_id
WHERE d.from_component_id = ANY(%s) AND c.removed_at IS NULL ORDER BY c.position, c.slug
"""
CHANGE = """
INSERT INTO monitors_statechange
    (monitor_id, component_id, from_verdict, to_verdict, reason, sentence, started_at, confirmed_at)
VALUES (%(monitor)s, %(component)s, %(before)s, %(verdict)s, %(reason)s, %(sentence)s, %(started_at)s, %(confirmed_at)s)
"""
# `started_at` may lie before the open interval's own start after a clock was set back: time then moves on from there.
CLOSE_INTERVAL = """
UPDATE monitors_stateinterval SET ended_at = %(started_at)s
WHERE ended_at IS NULL AND (monitor_id = %(monitor)s OR component_id = %(component)s)
"""
OPEN_INTERVAL = """
INSERT INTO monitors_stateinterval (monitor_id, component_id, verdict, reason, started_at)
VALUES (%(monitor)s, %(component)s, %(verdict)s, %(reason)s, %(started_at)s)
"""
MONITOR_STATE = """
UPDATE monitors_monitorstate SET verdict = %(verdict)s, since = %(started_at)s, reason = %(reason)s,
       sentence = %(sentence)s, is_flapping = %(is_flapping)s,
       last_known_good_at = CASE WHEN verdict = 'up' THEN %(started_at)s ELSE last_known_good_at END
WHERE monitor_id = %(monitor)s
"""
MONITOR_SENTENCE = """
UPDATE monitors_monitorstate SET reason = %(reason)s, sentence = %(sentence)s, is_flapping = %(is_flapping)s
WHERE monitor_id = %(monitor)s
"""
COMPONENT_STATE = """
UPDATE monitors_component SET verdict = %(verdict)s, verdict_since = %(started_at)s, sentence = %(sentence)s
WHERE id = %(component)s
"""
COMPONENT_SENTENCE = "UPDATE monitors_component SET sentence = %(sentence)s WHERE id = %(component)s"

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Settled:
    """What was changed: ids of monitors and components whose verdict or sentence is another now."""

    monitors: tuple[int, ...] = ()
    components: tuple[int, ...] = ()


async def settle(connection: AsyncConnection, monitor_ids: Collection[int], now: datetime | None = None) -> Settled:
    """Bring the verdicts on these monitors, and on their components, up to their watches' standings.

    Without `now`, each monitor is judged as of its latest observation: a replay judges the past as it was.
    """
    if not monitor_ids:
        return Settled()
    ids = sorted(monitor_ids)
    await connection.execute(MISSING_STATES, [ids])
    states = await fetched(connection, STATES, [ids])
    standings: dict[int, list[Row]] = {}
    for row in await fetched(connection, STANDINGS, [ids]):
        standings.setdefault(row["monitor_id"], []).append(row)
    writes, changed = [], []
    moved: dict[int, datetime] = {}
    for state in states:
        outcome, as_of = monitor_outcome(state, standings.get(state["id"], []), now)
        if is_other(state, outcome):
            writes.append(written(state, outcome, as_of, monitor=state["id"]))
            changed.append(state["id"])
            if (component := state["component_id"]) is not None:
                moved[component] = max(writes[-1]["started_at"], moved.get(component, writes[-1]["started_at"]))
    await write(connection, writes, MONITOR_STATE, MONITOR_SENTENCE)
    return await settle_components(connection, moved, changed, now, moved)


async def settle_components(
    connection: AsyncConnection,
    component_ids: Collection[int],
    monitor_ids: Sequence[int] = (),
    now: datetime | None = None,
    moved: Mapping[int, datetime] = MappingProxyType({}),
) -> Settled:
    """Bring the verdicts on these components, and the words on what depends on them, up to their monitors' states.

    `moved`: when the latest of the monitors that changed did. A component eases with that: what is still bad in it
    has been so for longer.
    """
    rows = await fetched(connection, COMPONENTS, {"ids": sorted(component_ids)}) if component_ids else []
    ids = [row["id"] for row in rows]
    members = grouped(await fetched(connection, MEMBERS, [ids])) if ids else {}
    dependencies = grouped(await fetched(connection, DEPENDENCIES, [ids])) if ids else {}
    as_of = now or datetime.now(UTC)
    verdicts = {row["id"]: component_verdict(row, members, [], as_of).verdict for row in rows}
    writes, changed = [], []
    for row in rows:
        needed = [
            Dependency(one["name"], verdicts.get(one["id"]) or Verdict(one["verdict"]))
            for one in dependencies.get(row["id"], [])
        ]
        outcome = component_verdict(row, members, needed, as_of)
        if is_other(row, outcome):
            writes.append(written(row, outcome, as_of, component=row["id"], moved_at=moved.get(row["id"])))
            changed.append(row["id"])
    await write(connection, writes, COMPONENT_STATE, COMPONENT_SENTENCE)
    settled = Settled(tuple(monitor_ids), tuple(changed))
    await announce(connection, settled)
    return settled


def monitor_outcome(state: Row, standings: Sequence[Row], now: datetime | None) -> tuple[Outcome, datetime]:
    """The outcome over all locations, and as of when."""
    last = max((row["last_at"] or 0.0 for row in standings), default=0.0)
    as_of = now or datetime.fromtimestamp(last, UTC)
    if state["is_paused"]:
        return Outcome(Verdict.UNKNOWN, as_of.timestamp(), "paused", "Paused."), as_of
    silence_s = stale_after_s(state["interval_s"], state["timeout_s"])
    reports = [report(row, as_of.timestamp() - silence_s) for row in standings if row["standing"]]
    outcome = quorum(reports, last or as_of.timestamp())
    return outcome, as_of


def report(row: Row, live_after: float) -> Report:
    standing = row["standing"]
    return Report(
        row["location"],
        Verdict(standing["verdict"]),
        standing["since"],
        standing["reason"],
        standing["sentence"],
        standing["is_flapping"],
        is_live=row["last_at"] is not None and row["last_at"] >= live_after,
    )


def component_verdict(
    row: Row, members: Mapping[int, Sequence[Row]], dependencies: Iterable[Dependency], as_of: datetime
) -> Outcome:
    return component_outcome([member(one) for one in members.get(row["id"], [])], dependencies, as_of.timestamp())


def member(row: Row) -> Member:
    return Member(
        row["slug"],
        row["kind"],
        Verdict(row["verdict"]),
        row["since"],
        row["site"],
        row["zone"],
        row["reason"],
        row["sentence"],
    )


def is_other(row: Row, outcome: Outcome) -> bool:
    is_same_verdict = row["verdict"] == outcome.verdict
    is_same_shape = row.get("is_flapping", False) == outcome.is_flapping
    return not (is_same_verdict and is_same_shape and row["sentence"] == outcome.sentence)


def written(
    row: Row,
    outcome: Outcome,
    as_of: datetime,
    *,
    monitor: int | None = None,
    component: int | None = None,
    moved_at: datetime | None = None,
) -> Row:
    """The parameters of every statement that a change needs. A start that is not later than the last is moved on."""
    started_at = datetime.fromtimestamp(outcome.since, UTC)
    if started_at <= row["since"]:
        started_at = max(moved_at or as_of, row["since"] + MICROSECOND)
    return {
        "monitor": monitor,
        "component": component,
        "before": row["verdict"],
        "verdict": outcome.verdict.value,
        "reason": outcome.reason[:80],
        "sentence": outcome.sentence,
        "is_flapping": outcome.is_flapping,
        "started_at": started_at,
        "confirmed_at": max(as_of, started_at),
    }


async def write(connection: AsyncConnection, writes: Sequence[Row], state: str, sentence: str) -> None:
    changes = [row for row in writes if row["before"] != row["verdict"]]
    reworded = [row for row in writes if row["before"] == row["verdict"]]
    async with connection.cursor() as cursor:
        for statement in (CHANGE, CLOSE_INTERVAL, OPEN_INTERVAL, state) if changes else ():
            await cursor.executemany(statement, changes)
        if reworded:
            await cursor.executemany(sentence, reworded)


async def announce(connection: AsyncConnection, settled: Settled) -> None:
    if settled.monitors or settled.components:
        hint = {"monitors": named(settled.monitors), "components": named(settled.components)}
        await connection.execute(NOTIFY_SQL, [STATE_CHANNEL, json.dumps(hint)])


def named(ids: Sequence[int]) -> list[int] | None:
    return list(ids) if len(ids) <= NAMED_IN_A_HINT else None


def grouped(rows: Iterable[Row]) -> dict[int, list[Row]]:
    groups: dict[int, list[Row]] = {}
    for row in rows:
        groups.setdefault(row["component_id"], []).append(row)
    return groups


async def fetched(connection: AsyncConnection, query: str, parameters: Any) -> list[Row]:
    async with connection.cursor(row_factory=dict_row) as cursor:
        await cursor.execute(query, parameters)
        return await cursor.fetchall()
