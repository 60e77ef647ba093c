"""Own bars of state over time: the taller the worse, so that they read without colour."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.safestring import SafeString

from monitors.charts.data import Span, Window
from monitors.charts.svg import svg, tag, words

WIDTH = 900
HEIGHT = 24
HEIGHT_BY_STATE = {
    "unknown": 6.0,
    "up": 12.0,
    "maintenance": 12.0,
    "delayed": 15.0,
    "degraded": 18.0,
    "partial": 21.0,
    "down": 24.0,
}
NOTCHED = {"maintenance", "delayed", "partial"}
"""States with a bite out of the top edge, apart from their neighbours in height."""
NOTCH = 4.0
SHORTEST = 2.0
"""An outage of seconds in a chart of months still gets these units of width."""


def state_bar(spans: Sequence[Span], window: Window, label: str) -> SafeString:
    """One bar from left to right; stretches without a span stay empty."""
    return svg(
        *(bar(span, window) for span in spans if overlaps(span, window)),
        class_="state-bar",
        viewBox=f"0 0 {WIDTH} {HEIGHT}",
        preserveAspectRatio="none",
        role="img",
        aria_label=label,
    )


def overlaps(span: Span, window: Window) -> bool:
    return span.start < window.end and (span.end is None or span.end > window.start)


def bar(span: Span, window: Window) -> str:
    left = window.share(span.start) * WIDTH
    right = window.share(window.end if span.end is None else span.end) * WIDTH
    width = max(SHORTEST, right - left)
    left = min(left, WIDTH - width)
    outline = bar_path(left, width, HEIGHT_BY_STATE.get(span.state, HEIGHT_BY_STATE["unknown"]), span.state in NOTCHED)
    return tag("path", tag("title", words(span.state)), class_=f"bar {span.state}", d=outline)


def bar_path(left: float, width: float, height: float, is_notched: bool) -> str:
    top = HEIGHT - height
    right, middle, half = left + width, left + width / 2, min(NOTCH, width / 2)
    bite = f"L{middle - half:.1f} {top:g}L{middle:.1f} {top + NOTCH:g}L{middle + half:.1f} {top:g}"
    left_foot, right_foot = f"M{left:.1f} {HEIGHT}L{left:.1f} {top:g}", f"L{right:.1f} {top:g}L{right:.1f} {HEIGHT}Z"
    return left_foot + (bite if is_notched else "") + right_foot
