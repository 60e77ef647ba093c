"""Own what the page of one monitor shows: its standing, its history as charts, transcripts, configuration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils.safestring import SafeString

from monitors.charts import Lane, Mark, Trace, Window, time_series
from monitors.models import ChangeEvent, Monitor
from monitors.options import format_duration
from monitors.selectors.history import (
    EvidenceView,
    LatencyPoint,
    evidence,
    latency_over,
    latency_quantiles,
    phase_means,
)
from monitors.selectors.monitors import MonitorRow, rows_of
from monitors.selectors.standing_history import Standing, standing_over
from monitors.wording import milliseconds

MOST_FAILURES = 5
MOST_PHASES = 6
PHASES_UP_TO = timedelta(days=1)
"""Phases are kept with the single observations only; over longer spans reading them all costs too much."""


def standing(monitor: Monitor, now: datetime) -> MonitorRow:
    """Two queries."""
    return rows_of(Monitor.objects.filter(pk=monitor.pk), now)[0]


@dataclass(frozen=True, slots=True)
class History:
    """A monitor over a span of time: how it stood, how fast it was, drawn and in words."""

    start: datetime
    end: datetime
    standing: Standing
    latency: SafeString | None
    overall: LatencyPoint | None
    phases: tuple[str, ...]


def history(monitor: Monitor, length: timedelta, now: datetime) -> History:
    """At most thirteen queries, whatever the length."""
    start = now - length
    points = latency_quantiles(monitor.pk, start, now)
    phases = phase_means(monitor.pk, start, now) if length <= PHASES_UP_TO else {}
    shown = slowest(phases)
    is_drawn = any(point.p50_ms is not None for point in points)
    return History(
        start=start,
        end=now,
        standing=standing_over(monitor, start, now),
        latency=latency_chart(monitor, points, shown, Window(start.timestamp(), now.timestamp())) if is_drawn else None,
        overall=latency_over(monitor.pk, start, now) if is_drawn else None,
        phases=tuple(shown),
    )


Phases = dict[str, list[tuple[datetime, float]]]


def slowest(phases: Phases) -> Phases:
    """The phases that take longest, in the order in which they happen."""
    ranked = sorted(phases, key=lambda name: -sum(mean for _, mean in phases[name]))[:MOST_PHASES]
    return {name: series for name, series in phases.items() if name in ranked}


def latency_chart(monitor: Monitor, points: Sequence[LatencyPoint], phases: Phases, window: Window) -> SafeString:
    """Percentiles above, phases below, on one axis of time, marked where somebody changed something. One query."""
    percentiles = Lane(
        "latency, ms",
        (
            Trace("p99", "p99", [(point.at.timestamp(), point.p99_ms) for point in points]),
            Trace("p95", "p95", [(point.at.timestamp(), point.p95_ms) for point in points]),
            Trace("p50", "p50", [(point.at.timestamp(), point.p50_ms) for point in points]),
        ),
        height=130,
    )
    lanes = [percentiles]
    if phases:
        traces = tuple(
            Trace(name, f"phase-{number}", [(at.timestamp(), mean) for at, mean in series])
            for number, (name, series) in enumerate(phases.items(), start=1)
        )
        lanes.append(Lane("phases, mean ms", traces, height=110))
    return time_series(lanes, window, latency_in_words(monitor, points), marks(monitor, window))


def latency_in_words(monitor: Monitor, points: Sequence[LatencyPoint]) -> str:
    medians = sorted(point.p50_ms for point in points if point.p50_ms is not None)
    slowest = max((point.p99_ms for point in points if point.p99_ms is not None), default=None)
    median = milliseconds(medians[len(medians) // 2])
    return f"Latency of {monitor.slug}: median {median}, worst p99 {milliseconds(slowest)}"


def marks(monitor: Monitor, window: Window) -> list[Mark]:
    """What was changed in the window: on this monitor from the console, anywhere by a deploy."""
    start, end = (datetime.fromtimestamp(at, UTC) for at in (window.start, window.end))
    events = ChangeEvent.objects.filter(occurred_at__range=(start, end)).order_by("-occurred_at")[:50]
    shown = [event for event in events if event.detail.get("monitor", monitor.slug) == monitor.slug]
    return [Mark(event.occurred_at.timestamp(), event.kind, event.title) for event in shown]


def transcripts(monitor: Monitor) -> list[EvidenceView]:
    """The newest failures and the last success of each location, newest first. Two queries."""
    return evidence(monitor.pk, limit=MOST_FAILURES)


def configuration(monitor: Monitor) -> list[tuple[str, str]]:
    """Everything that decides what is probed and how it is judged, as (name, value). No query."""
    rules = [
        ("kind", monitor.kind),
        ("every", format_duration(monitor.interval)),
        ("timeout", format_duration(monitor.timeout)),
        ("down after", f"{monitor.down_after} of {monitor.down_of} failed"),
        ("up after", f"{monitor.up_after} of {monitor.up_of} passed"),
    ]
    return [*rules, *flattened(monitor.options)]


def flattened(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """`expect.status` = `200`; lists of plain values on one line. Secrets are references by construction."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from flattened(inner, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list) and any(isinstance(inner, dict | list) for inner in value):
        for at, inner in enumerate(value):
            yield from flattened(inner, f"{path}[{at}]")
    elif isinstance(value, list):
        yield path, ", ".join(map(str, value))
    else:
        yield path, str(value)
