"""Own how a monitor or component stood over time: its state intervals as a bar and as shares of time."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Q
from django.utils.safestring import SafeString

from monitors import charts
from monitors.models import Component, Monitor, StateInterval
from monitors.results import Verdict
from monitors.selectors.history import touching
from monitors.uptime import Span, Tally, Window, tally, timeline
from monitors.wording import in_words


@dataclass(frozen=True, slots=True)
class Standing:
    """A subject's states over a window: the drawn bar, the time in each, and the outages, newest first."""

    bar: SafeString
    tally: Tally
    uptime_pct: float | None
    changes: list[Change]


@dataclass(frozen=True, slots=True)
class Change:
    """A stretch in one state; `ended_at` None means that it lasts."""

    verdict: Verdict
    reason: str
    started_at: datetime
    ended_at: datetime | None

    @property
    def length(self) -> timedelta | None:
        return self.ended_at - self.started_at if self.ended_at else None


MOST_CHANGES = 20


def standing_over(subject: Monitor | Component, start: datetime, end: datetime) -> Standing:
    """One query. Before the subject existed nothing is counted."""
    window = Window(max(start, subject.created_at), end)
    rows = intervals(subject, start, end)
    pieces = timeline((Span(row.started_at, row.ended_at, Verdict(row.verdict)) for row in rows), window)
    times = tally(pieces, window)
    return Standing(
        bar=bar(pieces, start, end, summary(times)),
        tally=times,
        uptime_pct=None if times.ratio is None else 100 * times.ratio,
        changes=[Change(Verdict(row.verdict), row.reason, row.started_at, row.ended_at) for row in rows[::-1]][
            :MOST_CHANGES
        ],
    )


def intervals(subject: Monitor | Component, start: datetime, end: datetime) -> list[StateInterval]:
    of_subject = Q(monitor=subject) if isinstance(subject, Monitor) else Q(component=subject)
    return list(touching(start, end).filter(of_subject).order_by("started_at"))


def bar(pieces: list[Span], start: datetime, end: datetime, label: str) -> SafeString:
    spans = [
        charts.Span(piece.start.timestamp(), piece.end.timestamp() if piece.end else None, piece.verdict.value)
        for piece in pieces
    ]
    return charts.state_bar(spans, charts.Window(start.timestamp(), end.timestamp()), label)


def summary(times: Tally) -> str:
    """The bar in words: `up 23 h 48 min, down 12 min`."""
    named = (("up", times.up), ("degraded", times.degraded), ("down", times.down), ("unknown", times.unknown))
    said = [f"{name} {in_words(length.total_seconds())}" for name, length in named if length]
    return ", ".join(said) or "nothing known"
