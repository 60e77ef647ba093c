"""Own what charts are made of: windows of time, traces, lanes, marks and spans."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

Points = Sequence[tuple[float, float | None]]
"""(epoch seconds, value), oldest first; a value of None says that nothing is known from there on."""

GAP_STEPS = 2.5
"""Neighbours further apart than this many usual steps have a gap between them: samples were missed."""


@dataclass(frozen=True, slots=True)
class Window:
    """The stretch of time that a chart shows, in epoch seconds."""

    start: float
    end: float

    def share(self, at: float) -> float:
        """Where `at` lies, 0 at the start and 1 at the end; clamped."""
        return min(1.0, max(0.0, (at - self.start) / (self.end - self.start)))

    def holds(self, at: float) -> bool:
        return self.start <= at <= self.end


@dataclass(frozen=True, slots=True)
class Trace:
    """One drawn quantity. `name` is shown and read out, `look` is its CSS class: `depth`, `ingress`, `ack`, ..."""

    name: str
    look: str
    points: Points
    shape: Literal["area", "line"] = "line"


@dataclass(frozen=True, slots=True)
class Lane:
    """Traces that share one vertical axis. `unit` follows figures, as in `/s`."""

    name: str
    traces: tuple[Trace, ...]
    unit: str = ""
    height: int = 110


@dataclass(frozen=True, slots=True)
class Mark:
    """Something that happened at one instant: a deploy, a change of mode, an incident."""

    at: float
    kind: str
    label: str


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of one state; `end` None means that it lasts."""

    start: float
    end: float | None
    state: str


def usual_step(points: Points) -> float:
    """The median distance of neighbours in seconds; 0 for fewer than two points."""
    steps = sorted(later[0] - earlier[0] for earlier, later in itertools.pairwise(points))
    return steps[len(steps) // 2] if steps else 0.0


def stretches(points: Points, window: Window) -> Iterator[list[tuple[float, float]]]:
    """Runs of known neighbours inside the window: the pieces that may be drawn as one line."""
    longest = usual_step(points) * GAP_STEPS
    run: list[tuple[float, float]] = []
    for at, value in points:
        if run and (value is None or at - run[-1][0] > longest):
            yield run
            run = []
        if value is not None and window.holds(at):
            run.append((at, value))
    if run:
        yield run


def known(points: Points, window: Window) -> list[float]:
    return [value for at, value in points if value is not None and window.holds(at)]
