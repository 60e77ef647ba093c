"""Own the drawing of charts: plain data in, one self-contained SVG out, themed by classes and never by style.

Unknown stretches stay empty: a line is never drawn across a time of which nothing is known.
Colours and strokes live in `statuspage/static/standpipe/charts.css`.
"""

from __future__ import annotations

from monitors.charts.bars import state_bar
from monitors.charts.data import Lane, Mark, Points, Span, Trace, Window
from monitors.charts.series import time_series
from monitors.charts.sparkline import Spark, sparkline, sparkline_svg

__all__ = [
    "Lane",
    "Mark",
    "Points",
    "Span",
    "Spark",
    "Trace",
    "Window",
    "sparkline",
    "sparkline_svg",
    "state_bar",
    "time_series",
]
