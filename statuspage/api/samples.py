"""Own the door for pushed queue samples: `POST /api/v1/samples`."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import ConfigDict, Field

from monitors.selectors.queues import pushed_queues
from monitors.services.pushed_samples import store_pushed
from statuspage.api.auth import Token
from statuspage.api.errors import Errors, Refusal, RefusedError
from statuspage.api.fields import Count, Instant, Slug, SmallCount
from statuspage.models import ApiToken

SAMPLES_AT_ONCE = 1_000
OLDEST = timedelta(hours=24)
AHEAD = timedelta(minutes=1)
"""Clocks differ; a sample from beyond this would make everything after it late."""

router = Router(tags=["samples"])


class SampleIn(Schema):
    """What one look at a queue said. Leave out what is not known: null is not zero."""

    model_config = ConfigDict(extra="forbid")

    queue: Slug = Field(description="Slug of a queue whose source is push")
    at: Instant = Field(description="When it was so; with (queue, at) the same sample is stored once")
    depth: Count | None = Field(None, description="All that has not finally left, in flight included")
    in_total: Count | None = Field(None, description="Counter of messages that came in")
    out_total: Count | None = Field(None, description="Counter of messages finally taken off")
    oldest_at: Instant | None = Field(None, description="When the oldest waiting message came in")
    consumers: SmallCount | None = None
    in_flight: Count | None = None


class Batch(Schema):
    model_config = ConfigDict(extra="forbid")

    samples: list[SampleIn] = Field(min_length=1, max_length=SAMPLES_AT_ONCE)


class Stored(Schema):
    stored: int = Field(description="Samples that are new")
    known: int = Field(description="Samples that were here already")


REFUSED = {401: Errors, 403: Errors, 413: Errors, 400: Errors, 422: Errors}


@router.post(
    "/samples",
    response={200: Stored, **REFUSED},
    auth=Token(ApiToken.Scope.SAMPLES),
    url_name="sample-push",
    summary="Push samples of queues",
)
def push_samples(request: HttpRequest, batch: Batch) -> Any:
    """All or nothing: one sample that cannot be taken refuses the batch, and names the field. Safe to repeat."""
    now = datetime.now(UTC)
    ids = pushed_queues({sample.queue for sample in batch.samples})
    refusals = [refusal for number, sample in enumerate(batch.samples) for refusal in wrongs(number, sample, ids, now)]
    if refusals:
        raise RefusedError(*refusals)
    rows = [row(sample, ids[sample.queue]) for sample in batch.samples]
    stored = store_pushed(rows)
    return Stored(stored=stored, known=len(rows) - stored)


def wrongs(number: int, sample: SampleIn, ids: dict[str, int], now: datetime) -> list[Refusal]:
    found = []
    if sample.queue not in ids:
        found.append(Refusal(f"samples.{number}.queue", f"There is no queue {sample.queue!r} with source push."))
    if not now - OLDEST <= sample.at <= now + AHEAD:
        found.append(Refusal(f"samples.{number}.at", "Must lie within the last 24 h, and not ahead of our clock."))
    if sample.oldest_at is not None and sample.oldest_at > sample.at:
        found.append(Refusal(f"samples.{number}.oldest_at", "Must not be later than the sample."))
    if all(value is None for value in (sample.depth, sample.in_total, sample.out_total)):
        found.append(Refusal(f"samples.{number}", "Give at least one of depth, in_total and out_total."))
    return found


def row(sample: SampleIn, monitor_id: int) -> dict[str, Any]:
    told = sample.model_dump(mode="json", exclude={"queue"})
    return {"monitor_id": monitor_id, **told}
