"""Own the reading of queues by programs: `GET /api/v1/queues`."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema
from ninja.errors import HttpError

from monitors.flow import Word
from monitors.selectors.queues import QueueView, latest_queue, latest_queues
from statuspage.api.auth import Token
from statuspage.api.errors import Errors
from statuspage.models import ApiToken

router = Router(tags=["queues"], auth=Token(ApiToken.Scope.READ))


class QueueOut(Schema):
    """One queue. Null is "not known"; `at` is when the figures were taken, `state` one word, `cause` its code."""

    slug: str
    name: str
    component: str | None
    source: str
    verdict: str
    state: str
    cause: str
    sentence: str
    since: datetime | None
    at: datetime | None
    depth: int | None
    ingress_rate: float | None
    ack_rate: float | None
    delivered_rate: float | None
    oldest_s: float | None
    eta_s: float | None
    eta_low_s: float | None
    eta_high_s: float | None
    eta_basis: str
    growing_by: float | None
    consumers: int | None
    in_flight: int | None
    utilisation: float | None
    residual: int | None


class Queues(Schema):
    queues: list[QueueOut]


@router.get("/queues", response={200: Queues, 401: Errors, 403: Errors}, url_name="queue-list", summary="All queues")
def queue_list(request: HttpRequest) -> Any:
    return {"queues": [told(view) for view in latest_queues()]}


@router.get(
    "/queues/{slug}",
    response={200: QueueOut, 401: Errors, 403: Errors, 404: Errors, 422: Errors},
    url_name="queue-detail",
    summary="One queue",
)
def queue_detail(request: HttpRequest, slug: str) -> Any:
    view = latest_queue(slug) if slug.isprintable() else None
    if view is None:
        raise HttpError(404, "There is no such queue.")
    return told(view)


def told(view: QueueView) -> dict[str, Any]:
    """What is no longer known is null here, though the pages still show it as last known."""
    row = {**asdict(view), "state": view.word}
    return row if view.word != Word.UNKNOWN else {**row, "depth": None, "in_flight": None, "consumers": None}
