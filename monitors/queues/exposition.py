"""Own the reading of Prometheus text pages: a series by its name and labels, and its value."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from prometheus_client.parser import text_string_to_metric_families

SERIES = re.compile(r"(?P<name>[a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(?P<labels>.*)\})?")
LABEL = re.compile(r"\s*(?P<name>[a-zA-Z_][a-zA-Z0-9_]*)\s*=\s*\"(?P<value>(?:[^\"\\]|\\.)*)\"\s*(?:,|$)")


class NotMetricsError(Exception):
    """The page is not Prometheus text."""


@dataclass(frozen=True, slots=True)
class Selector:
    """`name` or `name{label="value",...}`: all labels named must be equal, others may be anything."""

    name: str
    labels: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Point:
    name: str
    labels: dict[str, str]
    value: float


def selector(text: str) -> Selector:
    """Raises ValueError, with what is wrong."""
    match = SERIES.fullmatch(text.strip())
    if match is None:
        raise ValueError(f'{text!r} is not a series; write name or name{{label="value"}}')
    labels, rest = [], match["labels"] or ""
    while rest:
        label = LABEL.match(rest)
        if label is None:
            raise ValueError(f'{text!r}: {rest!r} is not label="value"; only equality is known here')
        labels.append((label["name"], label["value"]))
        rest = rest[label.end() :]
    return Selector(match["name"], tuple(labels))


def points(body: bytes) -> list[Point]:
    """Every sample of the page. Raises NotMetricsError."""
    try:
        families = list(text_string_to_metric_families(body.decode("utf-8")))
    except (ValueError, KeyError, IndexError) as error:
        raise NotMetricsError(f"The page is not Prometheus text ({error}).") from error
    return [Point(sample.name, dict(sample.labels), sample.value) for family in families for sample in family.samples]


def total(page: Iterable[Point], wanted: Selector) -> float | None:
    """The sum of the series that match. None when none does or one is NaN: absent is not zero."""
    values = [
        point.value
        for point in page
        if point.name == wanted.name and all(point.labels.get(name) == value for name, value in wanted.labels)
    ]
    answer = math.fsum(values) if values else math.nan
    return answer if math.isfinite(answer) else None
