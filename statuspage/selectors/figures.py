"""Own Standpipe's figures about itself, as Prometheus metrics: what it watches, what is overdue, who lives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.db.models import Count, F, Min, Q
from django.utils import timezone
from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from monitors.models import Component, Finding, Monitor, ProcessBeat, StateChange, Watch
from monitors.processes import ALIVE_WITHIN
from monitors.results import Verdict


class Figures(Collector):
    """Six queries a scrape, whatever the number of monitors."""

    def collect(self) -> Iterator[Metric]:
        monitors = Monitor.objects.filter(removed_at=None)
        yield by_verdict("standpipe_monitors", "Monitors by verdict.", counted(monitors, F("state__verdict")))
        components = Component.objects.filter(removed_at=None)
        yield by_verdict("standpipe_components", "Components by verdict.", counted(components, F("verdict")))
        yield from processes()
        yield gauge(
            "standpipe_watch_overdue_seconds",
            "How long the most overdue check has waited; 0 when none is due.",
            overdue_s(),
        )
        yield gauge(
            "standpipe_state_changes_unprocessed",
            "State changes that the responder has not consumed.",
            StateChange.objects.filter(processed_at=None).count(),
        )
        yield gauge("standpipe_findings_open", "Findings that are open.", Finding.objects.filter(ended_at=None).count())


def counted(rows: object, verdict: F) -> Iterable[tuple[str | None, int]]:
    return rows.values_list(verdict).annotate(n=Count("pk")).order_by()  # type: ignore[attr-defined, no-any-return]


def by_verdict(name: str, meaning: str, rows: Iterable[tuple[str | None, int]]) -> GaugeMetricFamily:
    """Every verdict has its line, at 0 too: a line that vanishes cannot be alerted on."""
    counts = {verdict.value: 0 for verdict in Verdict}
    for verdict, count in rows:
        counts[verdict or Verdict.UNKNOWN.value] += count
    family = GaugeMetricFamily(name, meaning, labels=["verdict"])
    for verdict, count in counts.items():
        family.add_metric([verdict], count)
    return family


def processes() -> Iterator[GaugeMetricFamily]:
    alive = Count("pk", filter=Q(beat_at__gte=timezone.now() - ALIVE_WITHIN))
    family = GaugeMetricFamily("standpipe_processes", "Processes whose heart beats, by role.", labels=["role"])
    counts = {"prober": 0, "responder": 0} | dict(
        ProcessBeat.objects.values_list("role").annotate(n=alive).order_by().values_list("role", "n")
    )
    for role, count in counts.items():
        family.add_metric([role], count)
    yield family


def overdue_s() -> float:
    watched = Q(monitor__removed_at=None, monitor__is_paused=False)
    oldest = Watch.objects.filter(watched).aggregate(oldest=Min("due_at"))["oldest"]
    return max(0.0, (timezone.now() - oldest).total_seconds()) if oldest else 0.0


def gauge(name: str, meaning: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, meaning, value=value)


registry = CollectorRegistry()
ProcessCollector(registry=registry)
PlatformCollector(registry=registry)
GCCollector(registry=registry)


def exposition() -> bytes:
    """Prometheus text: this web process's own figures, then Standpipe's. Raises DatabaseError."""
    whole = CollectorRegistry()
    whole.register(Figures())
    return generate_latest(registry) + generate_latest(whole)
