"""Own the fill of the senders' link, where a metrics page tells it beside the queue."""

from __future__ import annotations

import time

from monitors.queues.exposition import NotMetricsError, Point, points, selector, total
from monitors.queues.http import Request, fetch, shared
from monitors.queues.source import Ask, Link, SourceError

READINGS: dict[Link, list[tuple[float, float]]] = {}
"""The last readings of each link's counter, oldest first: (monotonic seconds, bits)."""
WINDOW_S = 5.0


async def utilisation(link: Link, ask: Ask) -> float | None:
    """0..1, or None when it is not told: a queue's figures do not depend on its link's."""
    request = Request(str(link.url))
    fresh_s = min(ask.interval_s / 2, 1.0)
    try:
        page = points(await shared(("scrape", request), fresh_s, lambda: fetch(request, ask.deadline_s)))
    except (SourceError, NotMetricsError):
        return None
    if link.series is not None:
        return total(page, selector(link.series))
    return from_counter(link, page, time.monotonic())


def from_counter(link: Link, page: list[Point], now: float) -> float | None:
    assert link.bits is not None
    bits = total(page, selector(link.bits))
    capacity = link.capacity if isinstance(link.capacity, float) else total(page, selector(link.capacity or ""))
    if bits is None or capacity is None:
        return None
    readings = READINGS.setdefault(link, [])
    if readings and bits < readings[-1][1]:
        readings.clear()
    readings.append((now, bits))
    while len(readings) > 2 and now - readings[1][0] >= WINDOW_S:
        del readings[0]
    if capacity <= 0:
        return 1.0  # a cut cable: full of nothing
    elapsed = now - readings[0][0]
    return min((bits - readings[0][1]) / elapsed / capacity, 1.0) if elapsed > 0 else None
