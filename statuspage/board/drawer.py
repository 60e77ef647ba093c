"""Own the drawer of one queue: a day of depth, ingress and ack on one axis of time, with what happened marked."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.safestring import SafeString

from monitors.charts import Lane, Mark, Points, Trace, Window, time_series
from monitors.selectors.queues import DAY_SPAN, DayPoint, QueueView, day_series, marks
from monitors.selectors.queues import Mark as Happening
from monitors.wording import count, rate
from statuspage.board.queues import QueueCard, card
from statuspage.board.silence import silence

STEP_S = 300
"""One point a five minutes: 288 across, as many as a wide screen can tell apart."""
CSV_COLUMNS = ("depth_min", "depth_max", "depth_last", "ingress_rate", "ack_rate", "oldest_s")
WIDE = 860
NARROW = 340


@dataclass(frozen=True, slots=True)
class Bucket:
    """Five minutes: the deepest depth, so that no peak is lost, and the mean rates."""

    at_s: int
    depth: float | None
    ingress: float | None
    ack: float | None


@dataclass(frozen=True, slots=True)
class Hour:
    """One line of the table that says the same as the chart."""

    at: datetime
    depth: str
    ingress: str
    ack: str


@dataclass(frozen=True, slots=True)
class Drawer:
    card: QueueCard
    wide: SafeString
    narrow: SafeString
    readings: list[list[float | None]]
    hours: list[Hour]
    happenings: list[Happening]
    is_empty: bool


def drawer(queue: QueueView, now: datetime) -> Drawer:
    """Five queries."""
    points = day_series(queue.slug, now)
    happened = marks(queue.slug, now)
    found = buckets(points)
    label = f"{queue.name}, last 24 hours: waiting, ingress and ack rate on one axis of time"

    def chart(width: int) -> SafeString:
        return time_series(lanes(found), window(now), label, chart_marks(happened), width)

    return Drawer(
        card=card(queue, silence(now)),
        wide=chart(WIDE),
        narrow=chart(NARROW),
        readings=[[bucket.at_s, bucket.depth, bucket.ingress, bucket.ack] for bucket in found],
        hours=hours(found, now),
        happenings=happened,
        is_empty=not points,
    )


def window(now: datetime) -> Window:
    return Window((now - DAY_SPAN).timestamp(), now.timestamp())


def buckets(points: Sequence[DayPoint]) -> list[Bucket]:
    """Minutes folded into steps of five; steps without a sample are left out and so become gaps."""
    by_step: dict[int, list[DayPoint]] = {}
    for point in points:
        by_step.setdefault(point.at_s // STEP_S * STEP_S, []).append(point)
    return [bucket(at_s, inside) for at_s, inside in by_step.items()]


def bucket(at_s: int, points: Sequence[DayPoint]) -> Bucket:
    deepest = max((point.depth_max for point in points if point.depth_max is not None), default=None)
    ingress, ack = mean(point.ingress_rate for point in points), mean(point.ack_rate for point in points)
    return Bucket(at_s, None if deepest is None else float(deepest), ingress, ack)


def mean(values: Iterable[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(sum(known) / len(known), 2) if known else None


def lanes(found: Sequence[Bucket]) -> list[Lane]:
    def points(figure: Callable[[Bucket], float | None]) -> Points:
        return [(float(bucket.at_s), figure(bucket)) for bucket in found]

    depth = Trace("waiting", "depth", points(lambda bucket: bucket.depth), "area")
    ingress = Trace("ingress", "ingress", points(lambda bucket: bucket.ingress))
    ack = Trace("ack", "ack", points(lambda bucket: bucket.ack))
    return [Lane("Waiting", (depth,), height=120), Lane("In and acked per second", (ingress, ack), height=120)]


def chart_marks(happened: Sequence[Happening]) -> list[Mark]:
    return [Mark(each.at.timestamp(), each.kind, each.title) for each in happened]


def hours(found: Sequence[Bucket], now: datetime) -> list[Hour]:
    """Newest first."""
    by_hour: dict[int, list[Bucket]] = {}
    for each in found:
        by_hour.setdefault(each.at_s // 3600 * 3600, []).append(each)
    return [hour(at_s, inside, now) for at_s, inside in sorted(by_hour.items(), reverse=True)]


def hour(at_s: int, inside: Sequence[Bucket], now: datetime) -> Hour:
    deepest = max((bucket.depth for bucket in inside if bucket.depth is not None), default=None)
    ingress, ack = mean(bucket.ingress for bucket in inside), mean(bucket.ack for bucket in inside)
    return Hour(datetime.fromtimestamp(at_s, now.tzinfo), count(deepest), rate(ingress), rate(ack))
