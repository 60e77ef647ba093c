"""Percentiles over any span are true: histograms add up, and lose nothing on disk."""

from __future__ import annotations

import math
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from monitors.histogram import bucket, merged, packed, quantile_ms, unpacked

latencies = st.floats(0.001, 1e6)
histograms = st.lists(latencies).map(lambda values: Counter(map(bucket, values)))


@given(st.lists(latencies, min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_within_two_percent(values: list[float], share: float) -> None:
    exact = sorted(values)[max(math.ceil(share * len(values)), 1) - 1]
    estimate = quantile_ms(Counter(map(bucket, values)), share)
    assert estimate is not None
    assert abs(estimate - exact) <= 0.0201 * exact


@given(histograms)
def test_packing_loses_nothing(histogram: Counter[int]) -> None:
    assert unpacked(packed(histogram)) == histogram


@given(st.lists(latencies), st.integers(0, 20))
def test_a_sum_of_parts_is_the_whole(values: list[float], cut: int) -> None:
    parts = [Counter(map(bucket, values[:cut])), Counter(map(bucket, values[cut:]))]
    assert merged(parts) == Counter(map(bucket, values))


def test_nothing_has_no_percentile() -> None:
    assert quantile_ms(Counter(), 0.5) is None


def test_an_hour_of_steady_checks_is_small() -> None:
    assert len(packed(Counter(bucket(20 + number % 17) for number in range(360)))) < 60
