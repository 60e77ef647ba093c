"""Own the ticks of axes: round values, round times, short figures."""

from __future__ import annotations

import math
from datetime import UTC, datetime

from monitors.charts.data import Window

TIME_STEPS_S = (
    60,
    300,
    600,
    900,
    1_800,
    3_600,
    7_200,
    10_800,
    21_600,
    43_200,
    86_400,
    172_800,
    604_800,
    2_592_000,
    7_776_000,
    31_536_000,
)
DAY_S = 86_400
VALUE_STEPS = 2
"""Spaces between the lines across a lane: a glance needs the floor, the middle and the top."""


def compact(value: float) -> str:
    """`950`, `1.5k`, `18k`, `2.3M`: three characters of figures are enough beside an axis."""
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:.1f}".removesuffix(".0") + letter
    return f"{value:.2f}".rstrip("0").rstrip(".")


def value_ticks(highest: float) -> list[float]:
    """From 0 to a round value at or above `highest`."""
    rough = max(highest, 1.0) / VALUE_STEPS
    size: float = 10 ** math.floor(math.log10(rough))
    step = next(size * factor for factor in (1, 2, 2.5, 5, 10) if size * factor >= rough * 0.999)
    return [step * index for index in range(VALUE_STEPS + 1)]


def time_ticks(window: Window, most: int) -> list[tuple[float, str]]:
    """At most about `most` round times (UTC) inside the window, with what to write there."""
    length = window.end - window.start
    step = next((step for step in TIME_STEPS_S if length / step <= most), TIME_STEPS_S[-1])
    first = math.ceil(window.start / step) * step
    form = "%d %b" if step >= DAY_S else "%H:%M"
    times = range(first, int(window.end) + 1, step)
    return [(float(at), datetime.fromtimestamp(at, UTC).strftime(form)) for at in times]
