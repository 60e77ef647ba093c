"""Own uptime arithmetic (pure): state intervals over time, unknown and maintenance counted apart."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from monitors.results import Verdict

ZERO = timedelta(0)
DAY = timedelta(days=1)
DECEMBER = 12


@dataclass(frozen=True, slots=True)
class Window:
    """A span of time, start included, end not."""

    start: datetime
    end: datetime

    @property
    def length(self) -> timedelta:
        return max(self.end - self.start, ZERO)


@dataclass(frozen=True, slots=True)
class Span:
    """One verdict over one stretch of time; `end` None lasts until now."""

    start: datetime
    end: datetime | None
    verdict: Verdict


@dataclass(frozen=True, slots=True)
class Tally:
    """Time spent in each state. The five add up to the window exactly."""

    up: timedelta = ZERO
    degraded: timedelta = ZERO
    down: timedelta = ZERO
    unknown: timedelta = ZERO
    maintenance: timedelta = ZERO

    @property
    def measured(self) -> timedelta:
        return self.up + self.degraded + self.down

    @property
    def ratio(self) -> float | None:
        """Time up or degraded over time measured; None where nothing was measured."""
        return (self.up + self.degraded) / self.measured if self.measured else None

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.up + other.up,
            self.degraded + other.degraded,
            self.down + other.down,
            self.unknown + other.unknown,
            self.maintenance + other.maintenance,
        )


def timeline(spans: Iterable[Span], window: Window) -> list[Span]:
    """The window cut into adjoining spans, oldest first: gaps become unknown, of overlapping ones the later wins."""
    pieces: list[Span] = []
    for span in clipped(spans, window):
        while pieces and pieces[-1].start >= span.start:
            pieces.pop()
        if pieces and (pieces[-1].end or window.end) > span.start:
            pieces[-1] = Span(pieces[-1].start, span.start, pieces[-1].verdict)
        pieces.append(span)
    return list(filled(pieces, window))


def clipped(spans: Iterable[Span], window: Window) -> Iterator[Span]:
    for span in sorted(spans, key=lambda span: span.start):
        start, end = max(span.start, window.start), min(span.end or window.end, window.end)
        if start < end:
            yield Span(start, end, span.verdict)


def filled(pieces: Iterable[Span], window: Window) -> Iterator[Span]:
    reached = window.start
    for piece in pieces:
        if piece.start > reached:
            yield Span(reached, piece.start, Verdict.UNKNOWN)
        yield piece
        reached = piece.end or window.end
    if reached < window.end:
        yield Span(reached, window.end, Verdict.UNKNOWN)


def merged(windows: Iterable[Window]) -> list[Window]:
    """The same time covered, without overlaps, oldest first."""
    union: list[Window] = []
    for window in sorted(windows, key=lambda window: window.start):
        if union and window.start <= union[-1].end:
            union[-1] = Window(union[-1].start, max(union[-1].end, window.end))
        elif window.length:
            union.append(window)
    return union


def overlap(span: Span, windows: Iterable[Window]) -> timedelta:
    assert span.end is not None
    shared = (min(span.end, window.end) - max(span.start, window.start) for window in windows)
    return sum((length for length in shared if length > ZERO), ZERO)


def tally(spans: Iterable[Span], window: Window, maintenance: Sequence[Window] = ()) -> Tally:
    """Integrate the verdicts over the window; maintenance is taken out of whatever was measured meanwhile."""
    planned = merged(maintenance)
    seconds = dict.fromkeys(Verdict, ZERO)
    excluded = ZERO
    for span in timeline(spans, window):
        assert span.end is not None
        hidden = overlap(span, planned)
        seconds[span.verdict] += span.end - span.start - hidden
        excluded += hidden
    return Tally(**{verdict.value: length for verdict, length in seconds.items()}, maintenance=excluded)


def month_window(month: date) -> Window:
    """The calendar month (UTC) that the date is in."""
    start = datetime(month.year, month.month, 1, tzinfo=UTC)
    if month.month == DECEMBER:
        return Window(start, datetime(month.year + 1, 1, 1, tzinfo=UTC))
    return Window(start, datetime(month.year, month.month + 1, 1, tzinfo=UTC))


def days(window: Window) -> list[Window]:
    """The window cut at midnights UTC, oldest first."""
    cuts = [window.start]
    midnight = window.start.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + DAY
    while midnight < window.end:
        cuts.append(midnight)
        midnight += DAY
    windows = [Window(start, end) for start, end in zip(cuts, [*cuts[1:], window.end], strict=True)]
    return [day for day in windows if day.length]


def daily(spans: Iterable[Span], window: Window, maintenance: Sequence[Window] = ()) -> list[tuple[Window, Tally]]:
    """One tally per day of the window. Cost grows with days plus spans, not with their product."""
    pieces = timeline(spans, window)
    planned = merged(maintenance)
    rows: list[tuple[Window, Tally]] = []
    position = 0
    for day in days(window):
        while (pieces[position].end or window.end) <= day.start:
            position += 1
        until = position
        while until < len(pieces) and pieces[until].start < day.end:
            until += 1
        near = [plan for plan in planned if plan.start < day.end and plan.end > day.start] if planned else []
        rows.append((day, tally(pieces[position:until], day, near)))
    return rows
