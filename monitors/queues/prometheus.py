"""Own queues told by Prometheus: PromQL asked of a server, or series read straight from an exporter's page.

An empty result, NaN and infinity are "not told". Counters are asked for raw: rates are ours to take.
"""

from __future__ import annotations

import asyncio
import math
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, Self

from pydantic import HttpUrl, model_validator

from monitors.flow import Sample
from monitors.options import Secret, Strict
from monitors.queues.exposition import NotMetricsError, points, selector, total
from monitors.queues.http import Request, credentials, fetch, fetch_json, shared
from monitors.queues.source import (
    Ask,
    Series,
    Source,
    SourceError,
    SourceOptions,
    UnreadableError,
    instant,
    reveal,
    whole,
)


class Figures(Strict):
    """A question for each figure that the source can tell."""

    depth: str | None = None
    in_total: str | None = None
    out_total: str | None = None
    delivered_total: str | None = None
    oldest_age_s: str | None = None
    oldest_at: str | None = None
    consumers: str | None = None
    in_flight: str | None = None
    utilisation: str | None = None


class SeriesFigures(Figures):
    depth: Series | None = None
    in_total: Series | None = None
    out_total: Series | None = None
    delivered_total: Series | None = None
    oldest_age_s: Series | None = None
    oldest_at: Series | None = None
    consumers: Series | None = None
    in_flight: Series | None = None
    utilisation: Series | None = None


class PrometheusOptions(SourceOptions):
    """`query` asks the server at `url`; `series` reads the exporter's page at `url`."""

    source: Literal["prometheus"]
    url: HttpUrl
    query: Figures | None = None
    series: SeriesFigures | None = None
    auth: Secret | None = None
    ca: str | None = None

    @model_validator(mode="after")
    def ask_one_thing(self) -> Self:
        asked = self.query or self.series
        if (self.query is None) == (self.series is None) or not asked or not asked.model_dump(exclude_none=True):
            raise ValueError("give query (PromQL, asked of a server) or series (read from a page), with a figure in it")
        return self


async def read(ask: Ask) -> list[Sample]:
    options: PrometheusOptions = ask.options
    told = await (queried(ask, options.query) if options.query else scraped(ask, options.series or SeriesFigures()))
    if all(value is None for value in told.values()):
        raise SourceError("empty_result", f"{options.url.host} answers, and none of the series that we ask for exists.")
    return [sample(told, datetime.now(UTC))]


async def queried(ask: Ask, figures: Figures) -> dict[str, float | None]:
    asked = figures.model_dump(exclude_none=True)
    values = await asyncio.gather(*(query(ask, promql) for promql in asked.values()))
    return dict(zip(asked, values, strict=True))


async def query(ask: Ask, promql: str) -> float | None:
    options: PrometheusOptions = ask.options
    url = f"{str(options.url).rstrip('/')}/api/v1/query"
    request = Request(url, (("query", promql),), ca=options.ca, **credentials(reveal(options.auth)))
    answer = await fetch_json(request, ask.deadline_s)
    return value_of(answer, promql)


def value_of(answer: Any, promql: str) -> float | None:
    """The one value of a query's answer; None when it is empty or no number."""
    try:
        kind, result = answer["data"]["resultType"], answer["data"]["result"]
        if kind == "vector" and len(result) > 1:
            raise UnreadableError("many_series", f"{promql} gives {len(result)} series; sum them into one.")
        pair = (result[0]["value"] if result else (0, "NaN")) if kind == "vector" else result
        value = float(pair[1])
    except (KeyError, TypeError, IndexError, ValueError) as error:
        raise UnreadableError("unexpected_shape", f"{promql}: the answer is no instant vector or scalar.") from error
    return value if math.isfinite(value) else None


async def scraped(ask: Ask, figures: Figures) -> dict[str, float | None]:
    options: PrometheusOptions = ask.options
    request = Request(str(options.url), ca=options.ca, **credentials(reveal(options.auth)))
    fresh_s = min(ask.interval_s / 2, 1.0)
    body = await shared(("scrape", request), fresh_s, lambda: fetch(request, ask.deadline_s))
    try:
        page = points(body)
    except NotMetricsError as error:
        raise UnreadableError("not_metrics", str(error)) from error
    return {name: total(page, selector(text)) for name, text in figures.model_dump(exclude_none=True).items()}


def sample(told: dict[str, float | None], now: datetime) -> Sample:
    age_s, utilisation = told.get("oldest_age_s"), told.get("utilisation")
    oldest_at = instant(told.get("oldest_at"), now)
    counts: dict[str, Any] = {
        name: whole(told.get(name))
        for name in ("depth", "in_total", "out_total", "delivered_total", "consumers", "in_flight")
    }
    if age_s is not None and counts["depth"] != 0:
        oldest_at = now - timedelta(seconds=max(age_s, 0.0))
    return Sample(at=now, oldest_at=oldest_at, utilisation=utilisation, **counts)


SOURCE = Source(name="prometheus", options=PrometheusOptions, read=read, host=lambda options: options.url.host or "")
