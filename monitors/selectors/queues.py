"""Own the reading of queues: the latest figures, the sparklines and the day series. One query each."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet

from monitors.models import ChangeEvent, Finding, Monitor, QueueMinute, QueueState, QueueTenSeconds, StateChange

SPARK_SPAN = timedelta(minutes=15)
SPARK_STEP = timedelta(seconds=10)
DAY_SPAN = timedelta(hours=24)
DAY_STEP = timedelta(minutes=1)
MARKS_OF_A_KIND = 50
NEVER_READ = QueueState(cause="no_sample", sentence="Nothing is known of this queue yet.")
"""Stands for the row that the first look at a queue will write."""
AS_STORED = (
    *(
        "word",
        "cause",
        "sentence",
        "at",
        "judged_at",
        "depth",
        "ingress_rate",
        "ack_rate",
        "delivered_rate",
        "net_rate",
    ),
    *("eta_s", "eta_low_s", "eta_high_s", "eta_basis", "consumers", "in_flight", "residual"),
)
"""What people see as it was written."""


@dataclass(frozen=True, slots=True)
class QueueView:
    """One queue as people see it. `at` is when the figures were taken, `judged_at` when they were last read.

    `word` is one of `monitors.flow.Word`; `eta_basis` is `measured`, `at_least` (stalled: once sending
    resumes) or empty; `growing_by` is messages per second while more comes in than goes out;
    `delivered_rate` is the part of the ack rate that the other side took, None where it is not told apart.
    """

    slug: str
    name: str
    component: str | None
    source: str
    interval_s: float
    is_paused: bool
    verdict: str
    word: str
    cause: str
    sentence: str
    since: datetime | None
    at: datetime | None
    judged_at: datetime | None
    depth: int | None
    ingress_rate: float | None
    ack_rate: float | None
    delivered_rate: float | None
    net_rate: float | None
    oldest_s: float | None
    eta_s: float | None
    eta_low_s: float | None
    eta_high_s: float | None
    eta_basis: str
    growing_by: float | None
    consumers: int | None
    in_flight: int | None
    utilisation: float | None
    residual: int | None


@dataclass(frozen=True, slots=True)
class SparkPoint:
    """A bucket of ten seconds that begins at `at_s` (epoch seconds)."""

    at_s: int
    depth: int | None
    ingress_rate: float | None
    ack_rate: float | None


@dataclass(frozen=True, slots=True)
class DayPoint:
    """A bucket of one minute that begins at `at_s` (epoch seconds). Rates are means over the bucket."""

    at_s: int
    depth_min: int | None
    depth_max: int | None
    depth_last: int | None
    ingress_rate: float | None
    ack_rate: float | None
    oldest_s: float | None


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened, to be marked on a chart: `kind` is `change`, `finding` or `state`."""

    at: datetime
    ended_at: datetime | None
    kind: str
    title: str
    link: str


def queue_rows() -> QuerySet[Monitor]:
    rows = Monitor.objects.filter(kind="queue", removed_at__isnull=True)
    return rows.select_related("state", "queue_state", "component").order_by("slug")


def latest_queues() -> list[QueueView]:
    """Every queue with its latest figures, by slug. One query."""
    return [queue_view(row) for row in queue_rows()]


def latest_queue(slug: str) -> QueueView | None:
    """One queue, or None when there is no such queue. One query."""
    row = queue_rows().filter(slug=slug).first()
    return queue_view(row) if row else None


def queue_view(row: Monitor) -> QueueView:
    """The view of a row of `queue_rows`: no query."""
    state = getattr(row, "queue_state", NEVER_READ)
    told = getattr(row, "state", None)
    return QueueView(
        slug=row.slug,
        name=row.name,
        component=row.component.slug if row.component else None,
        source=row.options.get("source", ""),
        interval_s=row.interval.total_seconds(),
        is_paused=row.is_paused,
        verdict=told.verdict if told else "unknown",
        since=None if state is NEVER_READ else state.since,
        oldest_s=(state.at - state.oldest_at).total_seconds() if state.at and state.oldest_at else None,
        growing_by=-state.net_rate if state.net_rate is not None and state.net_rate < 0 else None,
        utilisation=state.utilisation_ratio,
        **{name: getattr(state, name) for name in AS_STORED},
    )


def sparklines(now: datetime, slugs: Collection[str] | None = None) -> dict[str, list[SparkPoint]]:
    """The last 15 min of every queue, or of some, in steps of 10 s, oldest first; a bucket without a sample has None.

    Every list has the same instants. One query.
    """
    queues = Monitor.objects.filter(kind="queue", removed_at__isnull=True)
    if slugs is not None:
        queues = queues.filter(slug__in=slugs)
    start = floor(now - SPARK_SPAN, SPARK_STEP) + SPARK_STEP
    found: dict[str, dict[int, SparkPoint]] = {}
    rows = QueueTenSeconds.objects.filter(
        bucket_at__gte=start,
        bucket_at__lte=now,
        # Named one by one, so that the index leads to each queue's few rows instead of scanning the day.
        monitor_id__in=queues.values("pk"),
    )
    for slug, at, depth, ingress, ack in rows.order_by().values_list(
        "monitor__slug", "bucket_at", "depth_last", "ingress_mean", "ack_mean"
    ):
        at_s = int(at.timestamp())
        found.setdefault(slug, {})[at_s] = SparkPoint(at_s, depth, ingress, ack)
    steps = range(int(start.timestamp()), int(now.timestamp()) + 1, int(SPARK_STEP.total_seconds()))
    return {
        slug: [points.get(at_s, SparkPoint(at_s, None, None, None)) for at_s in steps] for slug, points in found.items()
    }


def day_series(slug: str, now: datetime, span: timedelta = DAY_SPAN) -> list[DayPoint]:
    """The last day of one queue in steps of a minute, oldest first; minutes without a sample are left out.

    One query.
    """
    rows = QueueMinute.objects.filter(
        monitor=Monitor.objects.filter(slug=slug, kind="queue").values("pk")[:1],
        bucket_at__gte=floor(now - span, DAY_STEP),
        bucket_at__lte=now,
    ).order_by("bucket_at")
    figures = rows.values_list(
        "bucket_at", "depth_min", "depth_max", "depth_last", "ingress_mean", "ack_mean", "oldest_max_s"
    )
    return [
        DayPoint(int(at.timestamp()), low, high, depth, ingress, ack, oldest)
        for at, low, high, depth, ingress, ack, oldest in figures
    ]


def marks(slug: str, now: datetime, span: timedelta = DAY_SPAN) -> list[Mark]:
    """What happened around one queue: changes told to us, its findings, its changes of verdict. Three queries.

    The newest of each kind: a pipeline in a loop tells thousands.
    """
    start = now - span
    changes = ChangeEvent.objects.filter(occurred_at__gte=start, occurred_at__lte=now)[:MARKS_OF_A_KIND]
    findings = Finding.objects.filter(monitor__slug=slug, started_at__gte=start)[:MARKS_OF_A_KIND]
    states = StateChange.objects.filter(monitor__slug=slug, started_at__gte=start)[:MARKS_OF_A_KIND]
    found = [Mark(row.occurred_at, row.ended_at, "change", row.title, row.link) for row in changes]
    found += [Mark(row.started_at, row.ended_at, "finding", row.title, "") for row in findings]
    found += [Mark(row.started_at, None, "state", f"{row.to_verdict}: {row.sentence}", "") for row in states]
    return sorted(found, key=lambda mark: mark.at)


def floor(at: datetime, step: timedelta) -> datetime:
    """The start of the bucket that `at` lies in."""
    seconds = int(at.timestamp()) // int(step.total_seconds()) * int(step.total_seconds())
    return datetime.fromtimestamp(seconds, tz=at.tzinfo)


def pushed_queues(slugs: set[str]) -> dict[str, int]:
    """Monitor ids of those of `slugs` that are queues whose samples are pushed. One query."""
    rows = queue_rows().filter(slug__in=slugs, options__source="push").order_by()
    return dict(rows.values_list("slug", "pk"))


def findings(slug: str, limit: int = 20) -> list[Finding]:
    """The last findings of one queue, newest first. One query."""
    return list(Finding.objects.filter(monitor__slug=slug, monitor__kind="queue").order_by("-started_at")[:limit])
