"""Own queue cards: the figures of each queue with a state, its cause, and the last 15 minutes as a sparkline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from django.utils.safestring import SafeString

from monitors.charts import Spark, Window, sparkline, sparkline_svg
from monitors.flow import Word
from monitors.selectors.queues import SPARK_SPAN, QueueView, SparkPoint, sparklines
from monitors.wording import count, in_words, rate
from statuspage.board.silence import Silence

STATE_BY_WORD = {
    Word.FLOWING: "up",
    Word.EMPTY: "up",
    Word.GROWING: "degraded",
    Word.SLOW: "degraded",
    Word.DELAYED: "delayed",
    Word.STALLED: "down",
    Word.UNKNOWN: "unknown",
}
SEVERITY = {"down": 0, "degraded": 1, "delayed": 2, "unknown": 3, "up": 4}
EMPTY = SafeString()
NOT_KNOWN = "\N{EN DASH}"
CARDS = 4
"""More do not fit beside the tiers without scrolling; the others are one line and a link."""


@dataclass(frozen=True, slots=True)
class QueueCard:
    """One queue as the board shows it. `is_known` is false where the figures are the last known ones."""

    view: QueueView
    state: str
    word: str
    sentence: str
    is_known: bool
    picture: SafeString = EMPTY

    @property
    def slug(self) -> str:
        return self.view.slug

    @property
    def drained(self) -> str:
        """The drain time in words: `5 min`, `growing`, `steady`, `stalled`, `empty`."""
        view = self.view
        if not self.is_known:
            return NOT_KNOWN
        if view.depth == 0:
            return "empty"
        if view.word == Word.STALLED:
            # What it would take once sending resumes is no promise while nothing is sent.
            return "growing" if view.growing_by else "stalled"
        if view.eta_s is not None:
            return in_words(view.eta_s)
        if self.state == "up":
            # The net rate of a queue that keeps up wavers around nothing: its sign is no news.
            return "steady"
        return "growing" if view.growing_by else NOT_KNOWN


def card(view: QueueView, silent: Silence | None) -> QueueCard:
    word = Word.UNKNOWN if silent else Word(view.word)
    sentence = f"Not measured: {silent.reason}." if silent else view.sentence
    is_known = word is not Word.UNKNOWN
    return QueueCard(view, STATE_BY_WORD[word], word.value.title(), sentence, is_known)


def cards(views: Sequence[QueueView], silent: Silence | None) -> list[QueueCard]:
    return [card(view, silent) for view in views if not view.is_paused]


def shown(found: Sequence[QueueCard]) -> list[QueueCard]:
    """The worst few, in their usual order: a card does not move because its neighbour got worse."""
    worst = sorted(found, key=lambda each: (SEVERITY[each.state], -(each.view.depth or 0)))[:CARDS]
    return [each for each in found if each in worst]


def spark(points: Sequence[SparkPoint], now: datetime) -> Spark:
    window = Window((now - SPARK_SPAN).timestamp(), now.timestamp())
    # Empty buckets are left out, not told as gaps: a queue that is asked once a minute has five for each full one.
    depth = [(float(point.at_s), float(point.depth)) for point in points if point.depth is not None]
    ack = [(float(point.at_s), point.ack_rate) for point in points if point.ack_rate is not None]
    return sparkline(depth, ack, window)


def spark_picture(each: QueueCard, points: Sequence[SparkPoint], now: datetime) -> SafeString:
    return sparkline_svg(spark(points, now), spark_label(each.view, points))


def spark_label(view: QueueView, points: Sequence[SparkPoint]) -> str:
    """What the picture shows, for those who hear it."""
    depths = [point.depth for point in points if point.depth is not None]
    rates = [point.ack_rate for point in points if point.ack_rate is not None]
    if not depths:
        return f"{view.name}: nothing known of the last 15 minutes"
    waiting = f"{count(min(depths))} to {count(max(depths))} waiting"
    acked = f", ack rate {rate(min(rates))} to {rate(max(rates))}" if rates else ""
    return f"{view.name}, last 15 minutes: {waiting}{acked}"


def pictured(found: Sequence[QueueCard], now: datetime) -> list[QueueCard]:
    """The cards with their sparklines. One query."""
    lines = sparklines(now, [each.slug for each in found])
    return [replace(each, picture=spark_picture(each, lines.get(each.slug, ()), now)) for each in found]
