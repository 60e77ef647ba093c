"""Charts say what is known, and nothing about the times of which nothing is known."""

from __future__ import annotations

import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.charts import Lane, Mark, Span, Trace, Window, sparkline, sparkline_svg, state_bar, time_series
from monitors.charts.axis import compact, time_ticks, value_ticks
from monitors.charts.bars import HEIGHT_BY_STATE, NOTCHED
from monitors.charts.data import stretches

WINDOW = Window(0.0, 900.0)
STEADY = [(float(at), 10.0) for at in range(0, 901, 10)]


def parsed(svg: str) -> ElementTree.Element:
    return ElementTree.fromstring(svg)


def test_a_gap_splits_the_line_and_is_never_bridged() -> None:
    points = [(0.0, 1.0), (10.0, 1.0), (20.0, None), (30.0, 2.0), (40.0, 2.0)]
    assert list(stretches(points, WINDOW)) == [[(0.0, 1.0), (10.0, 1.0)], [(30.0, 2.0), (40.0, 2.0)]]


def test_missed_samples_are_a_gap_though_no_point_says_so() -> None:
    points = [(float(at), 1.0) for at in [*range(0, 100, 10), *range(500, 600, 10)]]
    assert [len(run) for run in stretches(points, WINDOW)] == [10, 10]


def test_a_lone_point_is_drawn_as_a_dot() -> None:
    assert sparkline([], [(450.0, 5.0)], WINDOW).line == "M150 21.1L150 21.1"


def test_nothing_known_draws_nothing() -> None:
    assert sparkline([(1.0, None)], [], WINDOW).area == ""


def test_a_depth_that_is_cleared_in_seconds_stays_low() -> None:
    calm = sparkline([(0.0, 12.0), (900.0, 12.0)], [(0.0, 31.0), (900.0, 31.0)], WINDOW)
    deep = sparkline([(0.0, 18_000.0), (900.0, 18_000.0)], [(0.0, 31.0), (900.0, 31.0)], WINDOW)
    heights = [float(re.findall(r"L[\d.]+ ([\d.]+)", spark.area)[0]) for spark in (calm, deep)]
    assert heights[0] > 40
    assert heights[1] < 4


def test_labels_are_escaped() -> None:
    drawn = sparkline_svg(sparkline(STEADY, STEADY, WINDOW), '"><script>alert(1)</script>')
    assert parsed(drawn).get("aria-label") == '"><script>alert(1)</script>'
    marked = time_series([], WINDOW, "x", [Mark(1.0, "deploy", "<script>")])
    assert "<script>" not in marked


def test_no_chart_carries_style() -> None:
    lanes = [Lane("Waiting", (Trace("depth", "depth", STEADY, "area"),))]
    drawn = time_series(lanes, WINDOW, "x", [Mark(5.0, "deploy", "d")]) + state_bar([Span(0, None, "up")], WINDOW, "x")
    assert "style" not in drawn


def test_lanes_share_one_axis_of_time() -> None:
    lanes = [
        Lane("Waiting", (Trace("depth", "depth", STEADY, "area"),)),
        Lane("Rates", (Trace("in", "ingress", STEADY), Trace("ack", "ack", STEADY)), unit="/s"),
    ]
    drawn = parsed(time_series(lanes, WINDOW, "Outbound, 15 minutes", [Mark(450.0, "deploy", "v2")]))
    paths = [node.get("d", "") for node in drawn.iter("path") if "trace" in node.get("class", "")]
    assert len(paths) == 3
    assert len({path.split()[0] for path in paths}) == 1, "all start at the same place"


@pytest.mark.parametrize("state", sorted(HEIGHT_BY_STATE))
def test_states_differ_in_shape_as_well_as_in_colour(state: str) -> None:
    shapes = {(height, name in NOTCHED) for name, height in HEIGHT_BY_STATE.items() if name != state}
    assert (HEIGHT_BY_STATE[state], state in NOTCHED) not in shapes


def test_an_outage_of_a_second_in_a_day_can_be_seen() -> None:
    drawn = parsed(state_bar([Span(100, 101, "down")], Window(0, 86_400), "x"))
    xs = [float(x) for x in re.findall(r"[ML]([\d.]+) ", drawn[0].get("d", ""))]
    assert max(xs) - min(xs) >= 2


@pytest.mark.parametrize(
    ("value", "written"), [(0, "0"), (0.25, "0.25"), (950, "950"), (1_500, "1.5k"), (18_406, "18.4k"), (2.3e6, "2.3M")]
)
def test_figures_beside_an_axis_are_short(value: float, written: str) -> None:
    assert compact(value) == written


@given(st.floats(0, 1e12))
def test_the_highest_tick_is_at_or_just_above_the_highest_value(highest: float) -> None:
    top = value_ticks(highest)[-1]
    assert top >= highest * 0.998
    assert top <= max(highest, 1) * 2.6


@given(st.integers(0, 2_000_000_000), st.integers(60, 40_000_000), st.integers(2, 12))
def test_time_ticks_lie_inside_the_window_and_are_few(start: int, length: int, most: int) -> None:
    window = Window(start, start + length)
    ticks = time_ticks(window, most)
    assert all(window.holds(at) for at, _ in ticks)
    assert len(ticks) <= most + 1


@given(st.lists(st.tuples(st.floats(0, 900), st.none() | st.floats(0, 1e9)), max_size=40))
def test_any_samples_make_well_formed_svg(points: list[tuple[float, float | None]]) -> None:
    ordered = sorted(points, key=lambda point: point[0])
    parsed(sparkline_svg(sparkline(ordered, ordered, WINDOW), "x"))
    parsed(time_series([Lane("l", (Trace("t", "ack", ordered),))], WINDOW, "x"))
