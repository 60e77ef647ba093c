"""Own what the page of one monitor shows: its standing, its history as charts, transcripts, configuration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils.safestring import SafeString

from monitors.charts import Lane, Mark, Trace, Window, time_series
from monitors.models import ChangeEvent, Evidence, Monitor
from monitors.options import format_duration
from monitors.results import Result
from monitors.selectors.latency import Quantiles, phase_means, quantiles
from monitors.selectors.monitors import MonitorRow, latest_by_monitor, monitor_row
from monitors.selectors.standing_history import Standing, standing_over
from monitors.wording import milliseconds

BUCKETS = 240
"""Points in a chart: about one for each four pixels of a wide screen."""
SHORTEST_BUCKET = timedelta(seconds=10)
MOST_PHASES = 6
PHASES_UP_TO = timedelta(days=1)
"""Phases are kept with the single observations only; over longer spans reading them all costs too much."""


def standing(monitor: Monitor, now: datetime) -> MonitorRow:
    """One query."""
    latest = latest_by_monitor(Monitor.objects.filter(pk=monitor.pk))
    return monitor_row(monitor, latest.get(monitor.pk), now)


@dataclass(frozen=True, slots=True)
class History:
    """A monitor over a span of time: how it stood, how fast it was, drawn and in words."""

    start: datetime
    end: datetime
    standing: Standing
    latency: SafeString | None
    latest: Quantiles | None
    phases: tuple[str, ...]


def history(monitor: Monitor, length: timedelta, now: datetime) -> History:
    """Four queries."""
    start = now - length
    step = max(length / BUCKETS, SHORTEST_BUCKET, monitor.interval)
    points = quantiles(monitor.pk, start, now, step)
    phases = phase_means(monitor.pk, start, now, step) if length <= PHASES_UP_TO else {}
    shown = dict(list(phases.items())[:MOST_PHASES])
    is_drawn = any(point.p50 is not None for point in points)
    return History(
        start=start,
        end=now,
        standing=standing_over(monitor, start, now),
        latency=latency_chart(monitor, points, shown, Window(start.timestamp(), now.timestamp())) if is_drawn else None,
        latest=next((point for point in reversed(points) if point.p50 is not None), None),
        phases=tuple(shown),
    )


def latency_chart(
    monitor: Monitor, points: Sequence[Quantiles], phases: dict[str, list[tuple[float, float]]], window: Window
) -> SafeString:
    """Percentiles above, phases below, on one axis of time, marked where somebody changed something. One query."""
    percentiles = Lane(
        "latency, ms",
        (
            Trace("p99", "p99", [(point.at, point.p99) for point in points]),
            Trace("p95", "p95", [(point.at, point.p95) for point in points]),
            Trace("p50", "p50", [(point.at, point.p50) for point in points]),
        ),
        height=130,
    )
    lanes = [percentiles]
    if phases:
        traces = tuple(Trace(name, f"phase-{at + 1}", series) for at, (name, series) in enumerate(phases.items()))
        lanes.append(Lane("phases, mean ms", traces, height=110))
    return time_series(lanes, window, latency_in_words(monitor, points), marks(monitor, window))


def latency_in_words(monitor: Monitor, points: Sequence[Quantiles]) -> str:
    medians = sorted(point.p50 for point in points if point.p50 is not None)
    slowest = max((point.p99 for point in points if point.p99 is not None), default=None)
    median = milliseconds(medians[len(medians) // 2])
    return f"Latency of {monitor.slug}: median {median}, worst p99 {milliseconds(slowest)}"


def marks(monitor: Monitor, window: Window) -> list[Mark]:
    """What was changed in the window: on this monitor from the console, anywhere by a deploy."""
    start, end = (datetime.fromtimestamp(at, UTC) for at in (window.start, window.end))
    events = ChangeEvent.objects.filter(occurred_at__range=(start, end)).order_by("-occurred_at")[:50]
    shown = [event for event in events if event.detail.get("monitor", monitor.slug) == monitor.slug]
    return [Mark(event.occurred_at.timestamp(), event.kind, event.title) for event in shown]


@dataclass(frozen=True, slots=True)
class Transcript:
    """What the wire said at one observation."""

    location: str
    at: datetime
    result: Result
    reason: str
    sentence: str
    text: str
    latency_ms: float | None
    phases_ms: tuple[tuple[str, float], ...]


def transcripts(monitor: Monitor) -> list[Transcript]:
    """The newest failure and the last success, newest first. Two queries."""
    rows = Evidence.objects.filter(monitor=monitor).select_related("location")
    newest = [
        rows.exclude(result=Result.OK).order_by("-at").first(),
        rows.filter(result=Result.OK).order_by("-at").first(),
    ]
    found = [transcript(row) for row in newest if row is not None]
    return sorted(found, key=lambda one: one.at, reverse=True)


def transcript(row: Evidence) -> Transcript:
    return Transcript(
        location=row.location.slug,
        at=row.at,
        result=Result(row.result),
        reason=row.reason,
        sentence=row.sentence,
        text=row.transcript,
        latency_ms=row.latency_ms,
        phases_ms=tuple((phase, ms) for phase, ms in row.phases_ms or []),
    )


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
