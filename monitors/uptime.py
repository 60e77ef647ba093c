"""Own uptime arithmetic (pure): state intervals over time, unknown and maintenance counted apart."""

from __future__ import annotations

from bisect import bisect_right
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


@dataclass(frozen=True, slots=True)
class Day:
    """One day (UTC): where its time went, and the worst of it."""

    window: Window
    tally: Tally

    @property
    def worst(self) -> Verdict:
        for verdict in (Verdict.DOWN, Verdict.DEGRADED, Verdict.UNKNOWN):
            if getattr(self.tally, verdict.value):
                return verdict
        return Verdict.UP


class Calendar:
    """The days of one window, and for each verdict the days that were nothing else: made once, shared by many."""

    def __init__(self, window: Window) -> None:
        self.window, self.days = window, days(window)
        self.ends = [day.end for day in self.days]
        self.whole = {
            verdict: [Day(day, Tally(**{verdict.value: day.length})) for day in self.days] for verdict in Verdict
        }


def daily(spans: Iterable[Span], calendar: Calendar, maintenance: Sequence[Window] = ()) -> list[Day]:
    """One day after the other. Cost grows with the spans: runs of days with one verdict are taken whole."""
    rows: list[Day] = []
    pieces = timeline(spans, calendar.window)
    position = 0
    while len(rows) < len(calendar.days):
        day = calendar.days[len(rows)]
        while (pieces[position].end or day.end) <= day.start:
            position += 1
        piece = pieces[position]
        reached = bisect_right(calendar.ends, piece.end or day.end)
        if reached > len(rows) and piece.start <= day.start:
            rows += calendar.whole[piece.verdict][len(rows) : reached]
        else:
            rows.append(Day(day, integral(since(pieces, position, day), day)))
    for index in touched(calendar, maintenance):
        rows[index] = Day(calendar.days[index], tally(pieces, calendar.days[index], maintenance))
    return rows


def integral(pieces: Iterable[Span], window: Window) -> Tally:
    """The tally of adjoining pieces that cover the window, which may reach beyond it."""
    spent = dict.fromkeys(Verdict, ZERO)
    for piece in pieces:
        spent[piece.verdict] += min(piece.end or window.end, window.end) - max(piece.start, window.start)
    return Tally(spent[Verdict.UP], spent[Verdict.DEGRADED], spent[Verdict.DOWN], spent[Verdict.UNKNOWN])


def since(pieces: Sequence[Span], position: int, day: Window) -> Iterator[Span]:
    """The pieces that the day needs, from the first that reaches into it."""
    while position < len(pieces) and pieces[position].start < day.end:
        yield pieces[position]
        position += 1


def touched(calendar: Calendar, maintenance: Iterable[Window]) -> list[int]:
    return [
        index
        for index, day in enumerate(calendar.days if maintenance else ())
        if any(plan.start < day.end and plan.end > day.start for plan in maintenance)
    ]
