"""Own queues that tell of themselves: samples that came by `POST /api/v1/samples`, read from where they were stored."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Literal

from asgiref.sync import sync_to_async
from django.db import Error as DatabaseError
from django.db import close_old_connections

from monitors.flow import Sample
from monitors.models import QueueSample
from monitors.queues.source import Ask, Source, SourceError, SourceOptions, UnreachableError

READ_AT_MOST = 500
READ_BACK = timedelta(hours=24)
"""Pushes older than this are refused at the door, so that one partition or two hold all that is unread."""


class PushOptions(SourceOptions):
    """`exact`: each sample is a snapshot, its depth and totals agree to the last message."""

    source: Literal["push"]
    exact: bool = False
    ledger: bool = False


async def read(ask: Ask) -> list[Sample]:
    """What was pushed and not read yet, oldest first. None at all is no failure: staleness tells by itself."""
    try:
        async with asyncio.timeout(ask.deadline_s):
            return await sync_to_async(unread, thread_sensitive=False)(ask.monitor_id)
    except TimeoutError as error:
        raise UnreachableError("timeout", "Our own database did not answer in time.") from error
    except DatabaseError as error:
        raise SourceError("own_database", "Our own database does not answer; pushed samples wait there.") from error


def unread(monitor_id: int) -> list[Sample]:
    try:
        rows = QueueSample.objects.filter(
            monitor_id=monitor_id, is_read=False, at__gt=datetime.now(UTC) - READ_BACK
        ).order_by("at")[:READ_AT_MOST]
        return [
            Sample(row.at, row.depth, row.in_total, row.out_total, row.oldest_at, row.consumers, row.in_flight)
            for row in rows
        ]
    finally:
        close_old_connections()


def traits(options: PushOptions) -> dict[str, bool]:
    return {"is_pushed": True, "is_exact": options.exact or options.ledger, "is_ledger": options.ledger}


SOURCE = Source(name="push", options=PushOptions, read=read, host=lambda options: "push", traits=traits)
