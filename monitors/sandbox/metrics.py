"""Own the Prometheus face of the sandbox: every role's totals as counters, its states as gauges."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from monitors.sandbox.ledger import Figures


class Sample(NamedTuple):
    """`is_total` makes it a counter; `labels` tell instances apart."""

    name: str
    says: str
    value: float
    is_total: bool = False
    labels: dict[str, str] = {}


def registry(samples: Callable[[], Iterable[Sample]]) -> CollectorRegistry:
    made = CollectorRegistry(auto_describe=False)
    made.register(_FromSamples(samples))
    return made


def queue_samples(figures: Figures) -> Iterator[Sample]:
    """The queue for all instances together. An empty queue has no oldest message: its age is then absent, not zero."""
    yield Sample("sandbox_accepted", "Messages stored durably", figures.accepted, is_total=True)
    yield Sample("sandbox_sent", "Messages handed over", figures.sent, is_total=True)
    yield Sample("sandbox_bounced", "Messages refused for good", figures.bounced, is_total=True)
    yield Sample("sandbox_queue_depth", "Messages accepted and not finished", figures.queued + figures.in_flight)
    yield Sample("sandbox_queue_in_flight", "Messages claimed by a sender", figures.in_flight)
    yield Sample("sandbox_queue_consumers", "Senders that live", figures.consumers)
    if figures.oldest_age_s is not None:
        yield Sample("sandbox_queue_oldest_age_seconds", "Age of the oldest unfinished message", figures.oldest_age_s)


class _FromSamples(Collector):
    def __init__(self, samples: Callable[[], Iterable[Sample]]) -> None:
        self._samples = samples

    def collect(self) -> Iterable[Metric]:
        families: dict[str, CounterMetricFamily | GaugeMetricFamily] = {}
        for sample in self._samples():
            kind = CounterMetricFamily if sample.is_total else GaugeMetricFamily
            family = families.setdefault(sample.name, kind(sample.name, sample.says, labels=list(sample.labels)))
            family.add_metric(list(sample.labels.values()), sample.value)
        return families.values()
