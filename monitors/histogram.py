"""Own latency histograms (pure): buckets a fixed ratio apart, so that any number of them add up without error.

A percentile of a sum of histograms is as true as that of one: within 2 % of the value itself. Averaging
percentiles would not be true at all.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Iterator

RATIO = 1.04
LEAST_MS = 0.001
SEVEN_BITS = 0x7F
MORE = 0x80

Histogram = Counter[int]
"""Number of latencies by bucket; bucket n holds those above RATIO^(n-1) and up to RATIO^n milliseconds."""


def bucket(latency_ms: float) -> int:
    return math.ceil(math.log(max(latency_ms, LEAST_MS)) / math.log(RATIO))


def middle_ms(number: int) -> float:
    """The value that is off by the same small ratio from both ends of the bucket."""
    return float(2 * RATIO**number / (RATIO + 1))


def merged(histograms: Iterable[Histogram]) -> Histogram:
    total: Histogram = Counter()
    for histogram in histograms:
        total.update(histogram)
    return total


def quantile_ms(histogram: Histogram, share: float) -> float | None:
    """The latency that `share` (0..1) of the checks stayed within; None of nothing."""
    rank = max(math.ceil(share * histogram.total()), 1)
    seen = 0
    for number in sorted(histogram):
        seen += histogram[number]
        if seen >= rank:
            return middle_ms(number)
    return None


def packed(histogram: Histogram) -> bytes:
    """Distances between buckets and counts as numbers of seven bits a byte: some two bytes a bucket."""
    out = bytearray()
    before = 0
    for number in sorted(histogram):
        step = number - before
        # Only the first step can be negative; folding keeps it small too.
        write_number(out, step * 2 if step >= 0 else -step * 2 - 1)
        write_number(out, histogram[number])
        before = number
    return bytes(out)


def unpacked(data: bytes) -> Histogram:
    numbers = read_numbers(data)
    histogram: Histogram = Counter()
    at = 0
    for folded, count in zip(numbers, numbers, strict=True):
        at += -(folded + 1) // 2 if folded % 2 else folded // 2
        histogram[at] = count
    return histogram


def write_number(out: bytearray, number: int) -> None:
    while number > SEVEN_BITS:
        out.append(number & SEVEN_BITS | MORE)
        number >>= 7
    out.append(number)


def read_numbers(data: bytes) -> Iterator[int]:
    number = shift = 0
    for byte in data:
        number |= (byte & SEVEN_BITS) << shift
        shift += 7
        if not byte & MORE:
            yield number
            number = shift = 0
