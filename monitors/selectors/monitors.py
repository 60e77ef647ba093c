"""Own the reading of monitors: the list with its filters, one monitor with its watches and configuration."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from monitors.freshness import shown_verdict
from monitors.models import Monitor, Watch
from monitors.results import Verdict

WORST_FIRST = {Verdict.DOWN: 0, Verdict.DEGRADED: 1, Verdict.UNKNOWN: 2, Verdict.UP: 3}


@dataclass(frozen=True, slots=True)
class MonitorFilter:
    """What the list shows: text in slug, name or site; verdict; kind; component. Empty means all."""

    text: str = ""
    verdict: str = ""
    kind: str = ""
    component: str = ""
    sort: str = "state"
    is_descending: bool = False


@dataclass(frozen=True, slots=True)
class MonitorRow:
    """A monitor in a list. `verdict` is what may be shown; `last_known` differs where that is stale."""

    slug: str
    name: str
    kind: str
    component_slug: str
    component: str
    site: str
    zone: str
    verdict: Verdict
    last_known: Verdict
    since: datetime | None
    sentence: str
    last_at: datetime | None
    latency_ms: float | None
    is_paused: bool
    is_muted: bool
    is_flapping: bool
    is_from_file: bool

    @property
    def place(self) -> str:
        return " ".join(filter(None, (self.site, self.zone)))


SORTS = {
    "state": lambda row: (row.is_paused, WORST_FIRST[row.verdict], row.slug),
    "name": lambda row: row.slug,
    "kind": lambda row: (row.kind, row.slug),
    "component": lambda row: (row.component, row.slug),
    "latency": lambda row: (row.latency_ms is None, row.latency_ms, row.slug),
    "checked": lambda row: (row.last_at is None, row.last_at, row.slug),
    "since": lambda row: (row.since is None, row.since, row.slug),
}


def monitor_rows(wanted: MonitorFilter, now: datetime) -> list[MonitorRow]:
    """The monitors that match, sorted. Two queries, whatever the number."""
    rows = rows_of(matching(wanted), now)
    if wanted.verdict:
        rows = [row for row in rows if shown_as(row) == wanted.verdict]
    return sorted(rows, key=SORTS[wanted.sort], reverse=wanted.is_descending)


def shown_as(row: MonitorRow) -> str:
    return "paused" if row.is_paused else row.verdict.value


def matching(wanted: MonitorFilter) -> QuerySet[Monitor]:
    monitors = Monitor.objects.filter(removed_at=None)
    if wanted.text:
        monitors = monitors.filter(
            Q(slug__icontains=wanted.text) | Q(name__icontains=wanted.text) | Q(site__icontains=wanted.text)
        )
    if wanted.kind:
        monitors = monitors.filter(kind=wanted.kind)
    if wanted.component:
        monitors = monitors.filter(component__slug=wanted.component)
    return monitors


COLUMNS = (
    "id", "slug", "name", "kind", "site", "zone", "is_paused", "is_from_file", "muted_until", "interval", "timeout",
    "component__slug", "component__name", "state__verdict", "state__since", "state__sentence", "state__is_flapping",
)  # fmt: skip


def rows_of(monitors: QuerySet[Monitor], now: datetime) -> list[MonitorRow]:
    """Two queries. Columns, not objects: for a thousand monitors the objects alone would cost a third of the page."""
    seen = Watch.objects.filter(monitor__in=monitors, last_at__isnull=False).order_by("last_at")
    latest = {found[0]: found[1:] for found in seen.values_list("monitor_id", "last_at", "last_latency_ms")}
    rows = monitors.order_by().values(*COLUMNS)
    return [monitor_row(row, *latest.get(row["id"], (None, None)), now) for row in rows]


def monitor_row(row: dict[str, Any], last_at: datetime | None, latency_ms: float | None, now: datetime) -> MonitorRow:
    last_known = Verdict(row["state__verdict"] or Verdict.UNKNOWN)
    shown = shown_verdict(last_known, last_at, row["interval"], row["timeout"], now)
    is_stale = shown != last_known
    return MonitorRow(
        slug=row["slug"],
        name=row["name"],
        kind=row["kind"],
        component_slug=row["component__slug"] or "",
        component=row["component__name"] or "",
        site=row["site"],
        zone=row["zone"],
        verdict=shown,
        last_known=last_known,
        since=last_at if is_stale else row["state__since"],
        sentence=stale_sentence(last_known) if is_stale else row["state__sentence"] or "",
        last_at=last_at,
        latency_ms=latency_ms,
        is_paused=row["is_paused"],
        is_muted=row["muted_until"] is not None and row["muted_until"] > now,
        is_flapping=bool(row["state__is_flapping"]),
        is_from_file=row["is_from_file"],
    )


def stale_sentence(last_known: Verdict) -> str:
    return f"no prober has reported since; last known {last_known.value}"


def kinds() -> list[str]:
    """The kinds that occur. One query."""
    return list(Monitor.objects.filter(removed_at=None).order_by("kind").values_list("kind", flat=True).distinct())


def counts(rows: Sequence[MonitorRow]) -> dict[str, int]:
    """How many rows there are of each shown state, worst first, paused last; states without rows are left out."""
    order = [verdict.value for verdict in WORST_FIRST] + ["paused"]
    found = [shown_as(row) for row in rows]
    return {state: found.count(state) for state in order if state in found}


@dataclass(frozen=True, slots=True)
class WatchView:
    """What one location saw last."""

    location: str
    last_at: datetime | None
    result: str
    reason: str
    sentence: str
    latency_ms: float | None
    due_at: datetime


def watches(monitor: Monitor) -> list[WatchView]:
    """One query."""
    rows = Watch.objects.filter(monitor=monitor).select_related("location").order_by("location__slug")
    return [
        WatchView(
            location=row.location.slug,
            last_at=row.last_at,
            result=row.last_result,
            reason=row.last_reason,
            sentence=row.last_sentence,
            latency_ms=row.last_latency_ms,
            due_at=row.due_at,
        )
        for row in rows
    ]
