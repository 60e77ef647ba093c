"""Own the reading of history: how things stood, how fast they answered, what the wire said, what changed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet

from monitors.histogram import Histogram, merged, quantile_ms
from monitors.models import Evidence, StateChange, StateInterval, UptimeMonth
from monitors.results import Verdict
from monitors.selectors.rollups import EPOCH, Grain, buckets, fetched
from monitors.uptime import Calendar, Day, Span, Tally, Window, daily, month_window, tally

BY_MINUTE_UP_TO = timedelta(hours=6)
BY_HOUR_UP_TO = timedelta(days=14)
"""One figure over more than this needs no finer roll-ups: percentiles of merged histograms are as true."""
STEPS = tuple(timedelta(minutes=minutes) for minutes in (1, 2, 5, 10, 15, 30, 60, 120, 240, 360, 720, 1440))
POINTS = 200
"""A chart of more points than that shows no more."""


@dataclass(frozen=True, slots=True)
class LatencyPoint:
    """Latencies of one bucket of time; None where nothing answered."""

    at: datetime
    p50_ms: float | None
    p95_ms: float | None
    p99_ms: float | None
    checks: int
    failures: int


@dataclass(frozen=True, slots=True)
class EvidenceView:
    """One kept observation with what the wire said."""

    at: datetime
    location: str
    result: str
    reason: str
    sentence: str
    latency_ms: float | None
    phases_ms: Mapping[str, float]
    transcript: str


@dataclass(frozen=True, slots=True)
class ChangeView:
    """One change of verdict of a monitor or a component, with the names that people know them by."""

    id: int
    subject: str
    slug: str
    is_component: bool
    from_verdict: str
    to_verdict: str
    reason: str
    sentence: str
    started_at: datetime
    confirmed_at: datetime


def intervals(
    start: datetime, end: datetime, *, monitor_id: int | None = None, component_id: int | None = None
) -> list[Span]:
    """How one subject stood in the span, oldest first; the first may begin before it. One query."""
    subject = Q(monitor_id=monitor_id) if monitor_id is not None else Q(component_id=component_id)
    rows = touching(start, end).filter(subject).order_by("started_at").values_list("started_at", "ended_at", "verdict")
    return [Span(started_at, ended_at, Verdict(verdict)) for started_at, ended_at, verdict in rows]


def touching(start: datetime, end: datetime) -> QuerySet[StateInterval]:
    return StateInterval.objects.filter(Q(ended_at=None) | Q(ended_at__gt=start), started_at__lt=end)


COMPONENT_INTERVALS = """
SELECT component_id, started_at, ended_at, verdict FROM monitors_stateinterval
WHERE component_id = ANY(%(ids)s) AND started_at < %(end)s AND (ended_at IS NULL OR ended_at > %(start)s)
ORDER BY started_at
"""
VERDICT_BY_VALUE = {verdict.value: verdict for verdict in Verdict}


def intervals_by_component(start: datetime, end: datetime, ids: Collection[int]) -> dict[int, list[Span]]:
    """How these components stood, each oldest first. One query, whatever their number; rows without the ORM's cost."""
    found: dict[int, list[Span]] = {component_id: [] for component_id in ids}
    for row in fetched(COMPONENT_INTERVALS, {"ids": list(ids), "start": start, "end": end}):
        component_id, started_at, ended_at, verdict = row
        found[component_id].append(Span(started_at, ended_at, VERDICT_BY_VALUE[verdict]))
    return found


def days_by_component(
    start: datetime, end: datetime, ids: Collection[int], maintenance: Sequence[Window] = ()
) -> dict[int, list[Day]]:
    """Every day (UTC) of the span for these components. One query; cost grows with changes, not with checks."""
    calendar = Calendar(Window(start, end))
    return {
        component_id: daily(spans, calendar, maintenance)
        for component_id, spans in intervals_by_component(start, end, ids).items()
    }


def uptime(
    window: Window,
    *,
    monitor_id: int | None = None,
    component_id: int | None = None,
    maintenance: Sequence[Window] = (),
) -> Tally:
    """Time spent in each state over the window, from the intervals. One query."""
    spans = intervals(window.start, window.end, monitor_id=monitor_id, component_id=component_id)
    return tally(spans, window, maintenance)


def uptime_of_month(
    month: date, now: datetime, *, monitor_id: int | None = None, component_id: int | None = None
) -> tuple[Tally, bool]:
    """A calendar month's tally, and whether it is frozen; the current one runs until now. At most two queries."""
    subject = Q(monitor_id=monitor_id) if monitor_id is not None else Q(component_id=component_id)
    frozen = UptimeMonth.objects.filter(subject, month=month.replace(day=1))
    row = frozen.values("up", "degraded", "down", "unknown", "maintenance").first()
    if row is not None:
        return Tally(**row), True
    whole = month_window(month)
    so_far = Window(whole.start, max(min(whole.end, now), whole.start))
    return uptime(so_far, monitor_id=monitor_id, component_id=component_id), False


def grain_for(length: timedelta) -> Grain:
    if length <= BY_MINUTE_UP_TO:
        return Grain.MINUTE
    return Grain.HOUR if length <= BY_HOUR_UP_TO else Grain.DAY


def step_for(length: timedelta) -> timedelta:
    """The shortest round step that makes no more points than a chart can show; a day is the longest."""
    return next((step for step in STEPS if length / step <= POINTS), STEPS[-1])


def latency_quantiles(monitor_id: int, start: datetime, end: datetime) -> list[LatencyPoint]:
    """Latencies over time, all locations together, oldest first, in round steps that the span chooses."""
    step = step_for(end - start)
    grain = max((grain for grain in Grain if grain.length <= step), key=lambda grain: grain.length)
    points: dict[datetime, list[Any]] = defaultdict(list)
    for bucket in buckets(grain, start, end, monitor_id):
        points[bucket.start_at - (bucket.start_at - EPOCH) % step].append(bucket)
    return [latency_point(at, parts) for at, parts in points.items()]


def latency_point(at: datetime, parts: Sequence[Any]) -> LatencyPoint:
    histogram = merged(part.latencies for part in parts)
    return LatencyPoint(
        at,
        *quantiles(histogram),
        checks=sum(part.checks for part in parts),
        failures=sum(part.fail for part in parts),
    )


def quantiles(histogram: Histogram) -> tuple[float | None, float | None, float | None]:
    return quantile_ms(histogram, 0.5), quantile_ms(histogram, 0.95), quantile_ms(histogram, 0.99)


def latency_over(monitor_id: int, start: datetime, end: datetime) -> LatencyPoint:
    """True percentiles over the whole span, from merged histograms."""
    return latency_point(start, buckets(grain_for(end - start), start, end, monitor_id))


PHASES = """
SELECT date_bin(%(step)s, at, %(start)s) AS bucket_at, pair ->> 0, avg((pair ->> 1)::float), min(position)
FROM monitors_observation, jsonb_array_elements(phases_ms) WITH ORDINALITY AS phases (pair, position)
WHERE monitor_id = %(monitor)s AND at >= %(start)s AND at < %(end)s AND phases_ms IS NOT NULL
GROUP BY 1, 2 ORDER BY 4, 1
"""
PHASE_POINTS = 120


def phase_means(monitor_id: int, start: datetime, end: datetime) -> dict[str, list[tuple[datetime, float]]]:
    """Mean time of each phase, in 120 steps; only as far back as single observations are kept. One query."""
    step = max((end - start) / PHASE_POINTS, timedelta(seconds=1))
    rows = fetched(PHASES, {"step": step, "start": start, "end": end, "monitor": monitor_id})
    phases: dict[str, list[tuple[datetime, float]]] = defaultdict(list)
    for at, phase, mean, _ in rows:
        phases[phase].append((at, mean))
    return dict(phases)


def evidence(monitor_id: int, limit: int = 20) -> list[EvidenceView]:
    """What was kept last, newest first: observations that were not ok, and the last good one of each location."""
    rows = Evidence.objects.filter(monitor_id=monitor_id).select_related("location")
    failures = list(rows.exclude(result="ok")[:limit])
    kept = sorted([*failures, *rows.filter(result="ok")], key=lambda row: row.at, reverse=True)
    return [evidence_view(row) for row in kept]


def evidence_view(row: Evidence) -> EvidenceView:
    return EvidenceView(
        row.at,
        row.location.slug,
        row.result,
        row.reason,
        row.sentence,
        row.latency_ms,
        dict(row.phases_ms or []),
        row.transcript,
    )


def recent_changes(
    limit: int = 50,
    *,
    monitor_id: int | None = None,
    component_id: int | None = None,
    before_id: int | None = None,
) -> list[ChangeView]:
    """What changed last, newest first. One query."""
    rows = StateChange.objects.select_related("monitor", "component").order_by("-id")
    if monitor_id is not None:
        rows = rows.filter(monitor_id=monitor_id)
    if component_id is not None:
        rows = rows.filter(component_id=component_id)
    if before_id is not None:
        rows = rows.filter(id__lt=before_id)
    return [change_view(row) for row in rows[:limit]]


def change_view(row: StateChange) -> ChangeView:
    subject = row.component or row.monitor
    assert subject is not None
    return ChangeView(
        row.pk,
        subject.name,
        subject.slug,
        row.component is not None,
        row.from_verdict,
        row.to_verdict,
        row.reason,
        row.sentence,
        row.started_at,
        row.confirmed_at,
    )
