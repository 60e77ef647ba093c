"""Uptime is the integral of states: exact, gapless, and the same when computed again."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitors.results import Verdict
from monitors.uptime import DAY, Calendar, Span, Tally, Window, daily, days, merged, month_window, tally, timeline

START = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY_WINDOW = Window(START, START + 24 * HOUR)


def span(start: float, end: float | None, verdict: str) -> Span:
    return Span(START + start * HOUR, None if end is None else START + end * HOUR, Verdict(verdict))


def window(start: float, end: float) -> Window:
    return Window(START + start * HOUR, START + end * HOUR)


def test_unknown_and_maintenance_are_counted_apart() -> None:
    spans = [span(0, 10, "up"), span(10, 12, "down"), span(12, 13, "unknown"), span(13, None, "up")]
    counted = tally(spans, DAY_WINDOW, [window(11, 14)])
    assert counted == Tally(up=20 * HOUR, down=HOUR, maintenance=3 * HOUR)
    assert counted.ratio == 20 / 21


def test_time_that_nobody_watched_is_unknown() -> None:
    counted = tally([span(6, 12, "up")], DAY_WINDOW)
    assert (counted.unknown, counted.ratio) == (18 * HOUR, 1.0)
    assert tally([], DAY_WINDOW).ratio is None


def test_degraded_is_not_down() -> None:
    assert tally([span(0, None, "degraded")], DAY_WINDOW).ratio == 1.0


def test_a_leap_day_has_its_hours() -> None:
    assert month_window(date(2028, 2, 15)).length == timedelta(days=29)
    assert month_window(date(2026, 12, 31)).end == datetime(2027, 1, 1, tzinfo=UTC)


def test_days_are_cut_at_midnight() -> None:
    cuts = days(window(-3, 30))
    assert [cut.length for cut in cuts] == [3 * HOUR, 24 * HOUR, 6 * HOUR]


microseconds = st.integers(0, 72 * 3_600 * 1_000_000)
moments = microseconds.map(lambda us: START + timedelta(microseconds=us))
spans_of_any_kind = st.lists(
    st.tuples(moments, st.none() | moments, st.sampled_from(list(Verdict))).map(lambda row: Span(*row)), max_size=12
)
windows = st.tuples(moments, moments).map(lambda pair: Window(min(pair), max(pair)))
plans = st.lists(windows, max_size=4)


@given(spans_of_any_kind, windows)
def test_a_timeline_covers_its_window_without_overlap(spans: list[Span], within: Window) -> None:
    pieces = timeline(spans, within)
    edges = [within.start, *(piece.end for piece in pieces)]
    assert [piece.start for piece in pieces] == edges[:-1]
    assert not within.length or edges[-1] == within.end
    assert all(piece.start < piece.end for piece in pieces)


@given(spans_of_any_kind, windows, plans)
def test_the_parts_sum_to_the_window_and_come_out_again(spans: list[Span], within: Window, plan: list[Window]) -> None:
    counted = tally(spans, within, plan)
    assert counted.measured + counted.unknown + counted.maintenance == within.length
    assert tally(timeline(spans, within), within, merged(plan)) == counted


@given(spans_of_any_kind, windows, plans)
def test_days_add_up_to_the_whole(spans: list[Span], within: Window, plan: list[Window]) -> None:
    found = daily(spans, Calendar(within), plan)
    assert [day.window for day in found] == days(within)
    assert sum((day.tally for day in found), Tally()) == tally(spans, within, plan)


def test_quiet_days_are_shared_and_others_are_not() -> None:
    calendar = Calendar(Window(START, START + 5 * DAY))
    found = daily([span(0, 50, "up"), span(50, 51, "down"), span(51, None, "up")], calendar)
    assert [day.worst for day in found] == [Verdict.UP, Verdict.UP, Verdict.DOWN, Verdict.UP, Verdict.UP]
    assert found[0] is calendar.whole[Verdict.UP][0]
    assert found[2].tally == Tally(up=23 * HOUR, down=HOUR)


@given(spans_of_any_kind, windows, st.randoms())
def test_order_of_rows_does_not_matter(spans: list[Span], within: Window, random: object) -> None:
    distinct = list({piece.start: piece for piece in spans}.values())
    shuffled = list(distinct)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert tally(shuffled, within) == tally(distinct, within)
