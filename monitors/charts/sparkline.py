"""Own the sparkline: what waits as an area, what is acked as a line, each on its own scale."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.safestring import SafeString

from monitors.charts.data import Points, Window, known, stretches
from monitors.charts.svg import area_path, line_path, svg, tag

WIDTH = 300
HEIGHT = 46
CALM_S = 30.0
"""A depth that the ack rate clears within this time is drawn low: a full-height area must mean trouble."""
RATE_HEADROOM = 1.8
"""A steady rate runs at little more than half the height, so that it can be seen to rise and to fall."""


@dataclass(frozen=True, slots=True)
class Spark:
    """The paths of a sparkline: what waits as a filled area with its upper edge, and the ack rate."""

    area: str
    edge: str
    line: str


def sparkline(depth: Points, ack: Points, window: Window) -> Spark:
    rates = known(ack, window)
    deepest = max([*known(depth, window), max(rates, default=0.0) * CALM_S, 1.0])
    fastest = max(rates, default=0.0) * RATE_HEADROOM or 1.0

    def x(at: float) -> float:
        return window.share(at) * WIDTH

    def height(top: float, value: float) -> float:
        return HEIGHT - 1 - (HEIGHT - 3) * value / top

    waiting = list(stretches(depth, window))
    area = area_path(waiting, x, lambda value: height(deepest, value), HEIGHT)
    edge = line_path(waiting, x, lambda value: height(deepest, value))
    line = line_path(stretches(ack, window), x, lambda value: height(fastest, value))
    return Spark(area, edge, line)


def sparkline_svg(spark: Spark, label: str) -> SafeString:
    """The whole picture; `label` is what a screen reader says instead of it."""
    return svg(
        tag("path", class_="spark-depth", d=spark.area),
        tag("path", class_="spark-edge", d=spark.edge, vector_effect="non-scaling-stroke"),
        tag("path", class_="spark-ack", d=spark.line, vector_effect="non-scaling-stroke"),
        class_="spark",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        preserveAspectRatio="none",
        role="img",
        aria_label=label,
    )
