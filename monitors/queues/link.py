"""Own the fill of the senders' link, where a metrics page tells it beside the queue."""

from __future__ import annotations

from monitors.queues.exposition import NotMetricsError, points, selector, total
from monitors.queues.http import Request, fetch, shared
from monitors.queues.source import Ask, Link, SourceError


async def utilisation(link: Link, ask: Ask) -> float | None:
    """0..1, or None when it is not told: a queue's figures do not depend on its link's."""
    request = Request(str(link.url))
    try:
        fresh_s = min(ask.interval_s / 2, 1.0)
        body = await shared(("scrape", request), fresh_s, lambda: fetch(request, ask.deadline_s))
        return total(points(body), selector(link.series))
    except (SourceError, NotMetricsError):
        return None
