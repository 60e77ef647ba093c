"""Own KumoMTA, through `/metrics.json`: the whole node, or one scheduled queue.

Its counters are pruned: a queue that idles out vanishes and later begins again from zero. A queue that the
node does not name is idle; the node itself always names its totals once something was sent.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import HttpUrl

from monitors.flow import Sample
from monitors.options import Secret
from monitors.queues.http import Request, credentials, fetch_json, shared
from monitors.queues.source import Ask, Source, SourceOptions, UnreadableError, reveal, whole

DELIVERED = "total_messages_delivered"
FINAL = (DELIVERED, "total_messages_fail")
"""Transient failures are tried again: they are attempts, not mail taken off."""
SENT_BY = "smtp_client"


class KumoOptions(SourceOptions):
    source: Literal["kumomta"]
    url: HttpUrl
    queue: str | None = None
    auth: Secret | None = None
    ca: str | None = None


async def read(ask: Ask) -> list[Sample]:
    options: KumoOptions = ask.options
    url = f"{str(options.url).rstrip('/')}/metrics.json"
    request = Request(url, ca=options.ca, **credentials(reveal(options.auth)))
    fresh_s = min(ask.interval_s / 2, 1.0)
    answer = await shared(("kumomta", request), fresh_s, lambda: fetch_json(request, ask.deadline_s))
    if not isinstance(answer, dict) or not any(isinstance(row, dict) and "value" in row for row in answer.values()):
        raise UnreadableError("unexpected_shape", "KumoMTA answered without metrics.")
    return [queue_sample(answer, options.queue) if options.queue else node_sample(answer)]


def node_sample(metrics: dict[str, Any]) -> Sample:
    scheduled = whole(value(metrics, "scheduled_count_total"))
    if scheduled is None:
        scheduled = summed(metrics, "scheduled_count")
    ready = summed(metrics, "ready_count")
    return Sample(
        at=datetime.now(UTC),
        depth=None if scheduled is None else scheduled + (ready or 0),
        in_total=received(metrics),
        out_total=sent(metrics),
        in_flight=ready,
        delivered_total=whole(labelled(metrics, DELIVERED).get(SENT_BY)),
    )


def queue_sample(metrics: dict[str, Any], queue: str) -> Sample:
    """One scheduled queue has a depth and no counters of its own. Pruned means that nothing is scheduled."""
    return Sample(at=datetime.now(UTC), depth=whole(labelled(metrics, "scheduled_count").get(queue, 0)))


def value(metrics: dict[str, Any], name: str) -> Any:
    row = metrics.get(name)
    return row.get("value") if isinstance(row, dict) else None


def labelled(metrics: dict[str, Any], name: str) -> dict[str, Any]:
    """The values of a metric with one label, by that label."""
    by_label = value(metrics, name)
    inner = next(iter(by_label.values()), None) if isinstance(by_label, dict) else None
    return inner if isinstance(inner, dict) else {}


def summed(metrics: dict[str, Any], name: str) -> int | None:
    counts = [count for count in map(whole, labelled(metrics, name).values()) if count is not None]
    return sum(counts) if counts else None


def received(metrics: dict[str, Any]) -> int | None:
    """All listeners together; `service` names listeners, e.g. `esmtp_listener`, `http_listener`."""
    by_service = labelled(metrics, "total_messages_received")
    counts = [whole(count) for service, count in by_service.items() if service.endswith("listener")]
    told = [count for count in counts if count is not None]
    return sum(told) if told else None


def sent(metrics: dict[str, Any]) -> int | None:
    """`service` is `smtp_client` for the whole node, and `smtp_client:SOURCE->SITE` for its parts."""
    told = [whole(labelled(metrics, name).get(SENT_BY)) for name in FINAL]
    known = [count for count in told if count is not None]
    return sum(known) if known else None


def traits(options: KumoOptions) -> dict[str, Any]:
    return {"is_gone_reset": True}


SOURCE = Source(
    name="kumomta", options=KumoOptions, read=read, host=lambda options: options.url.host or "", traits=traits
)
