"""Own the time series: lanes one below the other on one axis of time, with marks across all of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from django.utils.safestring import SafeString

from monitors.charts.axis import compact, time_ticks, value_ticks
from monitors.charts.data import Lane, Mark, Trace, Window, known, stretches
from monitors.charts.svg import Scale, area_path, line_path, svg, tag, words

LEFT = 44
RIGHT = 10
HEAD = 30
"""Room above each lane for its name."""
FOOT = 22
"""Room below the last lane for the times."""
MARKS = 14
"""Room above the first lane for the heads of marks."""
TICK_WIDTH = 74


@dataclass(frozen=True, slots=True)
class Frame:
    """Where things go: the window of time laid over `width` units."""

    window: Window
    width: int
    height: int

    def x(self, at: float) -> float:
        return LEFT + self.window.share(at) * (self.width - LEFT - RIGHT)


def time_series(
    lanes: Sequence[Lane], window: Window, label: str, marks: Sequence[Mark] = (), width: int = 900
) -> SafeString:
    """`data-left`, `data-right` and `data-start`, `data-end` tell scripts where a pointer's time is."""
    frame = Frame(window, width, MARKS + sum(HEAD + lane.height for lane in lanes) + FOOT)
    drawn, top = [], MARKS
    for lane in lanes:
        drawn.append(lane_group(lane, frame, top + HEAD))
        top += HEAD + lane.height
    return svg(
        time_axis(frame),
        *drawn,
        *(mark_group(mark, frame) for mark in marks if window.holds(mark.at)),
        class_="series",
        viewBox=f"0 0 {width} {frame.height}",
        role="img",
        aria_label=label,
        data_left=LEFT,
        data_right=width - RIGHT,
        data_top=MARKS,
        data_bottom=frame.height - FOOT,
        data_start=int(window.start),
        data_end=int(window.end),
    )


def time_axis(frame: Frame) -> str:
    count = max(2, (frame.width - LEFT - RIGHT) // TICK_WIDTH)
    base = frame.height - FOOT
    return "".join(
        tag("line", class_="grid", x1=frame.x(at), x2=frame.x(at), y1=MARKS + HEAD, y2=base)
        + tag("text", words(clock), class_="tick time", x=frame.x(at), y=base + 15, data_at=int(at))
        for at, clock in time_ticks(frame.window, count)
    )


def lane_group(lane: Lane, frame: Frame, top: int) -> str:
    bottom = top + lane.height
    values = [value for trace in lane.traces for value in known(trace.points, frame.window)]
    ticks = value_ticks(max(values, default=0.0))

    def y(value: float) -> float:
        return bottom - (value / ticks[-1]) * lane.height

    return tag(
        "g",
        tag("text", words(lane.name), class_="lane-name", x=LEFT, y=top - 10),
        *(grid_line(value, lane.unit, y, frame) for value in ticks),
        *(trace_path(trace, frame, y, bottom) for trace in lane.traces),
        class_="lane",
    )


def grid_line(value: float, unit: str, y: Scale, frame: Frame) -> str:
    label = f"{compact(value)}{unit}" if value else "0"
    line = tag("line", class_="grid", x1=LEFT, x2=frame.width - RIGHT, y1=y(value), y2=y(value))
    return line + tag("text", words(label), class_="tick value", x=LEFT - 6, y=y(value) + 4)


def trace_path(trace: Trace, frame: Frame, y: Scale, floor: float) -> str:
    runs = list(stretches(trace.points, frame.window))
    line = tag("path", class_=f"trace {trace.look}", d=line_path(runs, frame.x, y))
    if trace.shape == "line":
        return line
    return tag("path", class_=f"area {trace.look}", d=area_path(runs, frame.x, y, floor)) + line


def mark_group(mark: Mark, frame: Frame) -> str:
    x = frame.x(mark.at)
    clock = datetime.fromtimestamp(mark.at, UTC).strftime("%H:%M UTC")
    return tag(
        "g",
        tag("title", words(f"{clock} {mark.label}")),
        tag("line", class_="mark-line", x1=x, x2=x, y1=MARKS, y2=frame.height - FOOT),
        tag("path", class_="mark-head", d=f"M{x - 5:.1f} {MARKS - 9}H{x + 5:.1f}L{x:.1f} {MARKS}Z"),
        class_=f"mark {mark.kind}",
    )
