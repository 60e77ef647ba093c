"""Own the rows of tiers: each component with its instances as small cells, the bad ones first and in words."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby

from django.db.models import F

from monitors.freshness import shown_verdict
from monitors.models import Component, Monitor, Watch
from monitors.results import Verdict
from monitors.wording import milliseconds
from statuspage.board.silence import Silence

CELLS = 10
"""Of more instances than these only the bad ones are shown; the rest are counted."""
ORDER = {"down": 0, "degraded": 1, "unknown": 2, "up": 3}
JUDGED_KINDS = ("domain", "pool", "heartbeat")
"""Kinds whose latency says nothing: what they found does."""
OTHERS = "Other monitors"


@dataclass(frozen=True, slots=True)
class Instance:
    """One monitor as a cell. `text` is its latency while it is up, else what is wrong."""

    slug: str
    name: str
    state: str
    text: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class Subject:
    """The component that a row is about."""

    slug: str
    name: str
    tier: str
    state: str
    since: datetime | None


@dataclass(frozen=True, slots=True)
class TierRow:
    subject: Subject
    summary: str
    cells: tuple[Instance, ...]
    hidden: int
    """How many more instances there are than cells."""


@dataclass(frozen=True, slots=True)
class Tiers:
    rows: tuple[TierRow, ...]
    monitors: int
    checked_at: datetime | None


@dataclass(frozen=True, slots=True)
class MonitorRow:
    """What one query tells of a monitor."""

    id: int
    component_id: int | None
    slug: str
    name: str
    kind: str
    site: str
    zone: str
    interval: timedelta
    timeout: timedelta
    verdict: str | None
    since: datetime | None
    sentence: str | None


@dataclass(frozen=True, slots=True)
class Check:
    at: datetime
    latency_ms: float | None


def tiers(silent: Silence | None, now: datetime) -> Tiers:
    """Three queries, whatever the number of monitors."""
    components = list(Component.objects.filter(removed_at=None).order_by("position", "slug"))
    monitors = monitor_rows()
    checks = latest_checks()
    instances: dict[int | None, list[Instance]] = {
        key: [instance(row, checks.get(row.id), silent, now) for row in rows]
        for key, rows in groupby(monitors, key=lambda row: row.component_id)
    }
    rows = [
        tier_row(component, instances[component.pk], silent) for component in components if component.pk in instances
    ]
    if None in instances:
        rows.append(loose_row(instances[None]))
    checked_at = max((check.at for check in checks.values()), default=None)
    return Tiers(tuple(rows), len(monitors), checked_at)


def monitor_rows() -> list[MonitorRow]:
    """Monitors other than queues, which have cards of their own; neighbours of one component together."""
    rows = (
        Monitor.objects.filter(removed_at=None, is_paused=False)
        .exclude(kind="queue")
        .order_by(F("component_id").asc(nulls_last=True), "slug")
    )
    columns = ("id", "component_id", "slug", "name", "kind", "site", "zone", "interval", "timeout")
    told = ("state__verdict", "state__since", "state__sentence")
    return [MonitorRow(*values) for values in rows.values_list(*columns, *told)]


def latest_checks() -> dict[int, Check]:
    """The newest check of each monitor over all locations, by the monitor's id."""
    newest: dict[int, Check] = {}
    checks = Watch.objects.filter(last_at__isnull=False, monitor__removed_at=None)
    for monitor_id, at, latency_ms in checks.values_list("monitor_id", "last_at", "last_latency_ms"):
        if at is not None and (monitor_id not in newest or at > newest[monitor_id].at):
            newest[monitor_id] = Check(at, latency_ms)
    return newest


def tier_row(component: Component, instances: Sequence[Instance], silent: Silence | None) -> TierRow:
    state = "unknown" if silent else component.verdict
    subject = Subject(component.slug, component.name, component.tier, state, component.verdict_since)
    return row_of(subject, instances)


def loose_row(instances: Sequence[Instance]) -> TierRow:
    """Monitors of no component, as bad as the worst of them."""
    state = min((each.state for each in instances), key=lambda state: ORDER[state])
    subject = Subject("", OTHERS, Component.Tier.OTHER.value, state, None)
    return row_of(subject, instances)


def row_of(subject: Subject, instances: Sequence[Instance]) -> TierRow:
    cells = chosen(instances)
    return TierRow(subject, summary(instances), cells, len(instances) - len(cells))


def instance(row: MonitorRow, check: Check | None, silent: Silence | None, now: datetime) -> Instance:
    state = Verdict.UNKNOWN
    if row.verdict and not silent:
        state = shown_verdict(Verdict(row.verdict), check.at if check else None, row.interval, row.timeout, now)
    place = "-".join(filter(None, (row.site, row.zone)))
    return Instance(row.slug, place or row.name, state.value, said(row, state, check), row.since)


def said(row: MonitorRow, state: Verdict, check: Check | None) -> str:
    if state is Verdict.UP and row.kind in JUDGED_KINDS:
        return (row.sentence or "").rstrip(".")
    if state is Verdict.UP:
        return milliseconds(check.latency_ms) if check and check.latency_ms is not None else ""
    if row.verdict != state:
        return f"last known {row.verdict}" if row.verdict else ""
    return (row.sentence or "").rstrip(".")


def chosen(instances: Sequence[Instance]) -> tuple[Instance, ...]:
    """All where they are few; of many the worst that are not up, in their usual order."""
    if len(instances) <= CELLS:
        return tuple(instances)
    bad = sorted((each for each in instances if each.state != "up"), key=lambda each: ORDER[each.state])[:CELLS]
    return tuple(each for each in instances if each in bad)


def summary(instances: Iterable[Instance]) -> str:
    """`Operational`, `2 of 3 up`, `Down`, `Unknown`."""
    states = [each.state for each in instances]
    if all(state == "up" for state in states):
        return "Operational"
    if len(states) > 1 and len(set(states)) > 1:
        return f"{states.count('up')} of {len(states)} up"
    return states[0].title()
