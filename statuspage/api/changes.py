"""Own the doors for change events: ours, and the one that PagerDuty's senders know (Events API v2)."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from django.http import HttpRequest
from ninja import Router, Schema, Status
from pydantic import ConfigDict, Field

from monitors.services.changes import record_change
from statuspage.api.auth import RoutingKey, Token
from statuspage.api.errors import Errors, Refusal, RefusedError
from statuspage.api.fields import Detail, Instant, Line, Short, WebLink, Word
from statuspage.models import ApiToken

router = Router(tags=["changes"])
REFUSED = {401: Errors, 403: Errors, 413: Errors, 400: Errors, 422: Errors}


class ChangeIn(Schema):
    """Something that people or machines changed: it is marked on every chart and on the timeline."""

    model_config = ConfigDict(extra="forbid")

    title: Line
    key: Short = Field("", description="The same key is stored once; a later ended_at completes it")
    kind: Word = "deploy"
    source: Short = ""
    link: WebLink | None = None
    occurred_at: Instant | None = Field(None, description="Now, when left out")
    ended_at: Instant | None = None
    detail: Detail = Field(default_factory=dict)


class ChangeOut(Schema):
    key: str
    is_new: bool


@router.post(
    "/changes",
    response={200: ChangeOut, 201: ChangeOut, **REFUSED},
    auth=Token(ApiToken.Scope.CHANGES),
    url_name="change-push",
    summary="Tell of a change",
)
def push_change(request: HttpRequest, change: ChangeIn) -> Any:
    """201 when it is new, 200 when its key was known."""
    told = change.model_dump(exclude={"link", "occurred_at", "key"})
    occurred_at = change.occurred_at or datetime.now(UTC)
    if change.ended_at is not None and change.ended_at < occurred_at:
        raise RefusedError(Refusal("ended_at", "Must not be earlier than occurred_at."))
    key = change.key or str(uuid4())
    is_new = record_change(key, occurred_at=occurred_at, link=change.link or "", **told)
    return Status(201 if is_new else 200, ChangeOut(key=key, is_new=is_new))


class PagerDutyLink(Schema):
    href: str = ""
    text: str = ""


class PagerDutyPayload(Schema):
    summary: Line
    source: Short | None = None
    timestamp: Instant | None = None
    custom_details: Detail | None = None


class PagerDutyChange(Schema):
    """PagerDuty's change event. `routing_key` holds one of our API tokens with the scope `changes`."""

    routing_key: str = ""
    payload: PagerDutyPayload
    links: list[PagerDutyLink] | None = None


class Accepted(Schema):
    status: str
    message: str


@router.post(
    "/change/enqueue",
    response={202: Accepted, **REFUSED},
    auth=RoutingKey(),
    url_name="change-enqueue",
    summary="Tell of a change, in PagerDuty's shape",
)
def push_pagerduty_change(request: HttpRequest, event: PagerDutyChange) -> Any:
    """Point a sender of PagerDuty change events here. A repeated event is stored once."""
    payload = event.payload
    links = [link.href for link in event.links or [] if link.href.startswith(("http://", "https://"))]
    record_change(
        pagerduty_key(event),
        title=payload.summary,
        source=payload.source or "",
        occurred_at=payload.timestamp or datetime.now(UTC),
        link=next((link for link in links if len(link) <= 500 and link.isprintable()), ""),
        detail=payload.custom_details or {},
        kind="change",
    )
    return Status(202, Accepted(status="success", message="Change event processed"))


def pagerduty_key(event: PagerDutyChange) -> str:
    """The shape has no key of its own: what is the same in every word is the same event."""
    told = event.model_dump(mode="json", exclude={"routing_key"})
    return f"pagerduty:{hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()}"
