"""Own the holding of queues: that sending is paused on purpose, so that standing still is not taken for a fault."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from monitors.models import Monitor, QueueState
from monitors.notices import STATE_CHANNEL, notify


@transaction.atomic
def hold_queues(reason: str, now: datetime, slugs: Collection[str] | None = None) -> None:
    """Hold the named queues, or all. The prober takes the reason over with its next look."""
    wanted = Monitor.objects.filter(kind="queue", removed_at__isnull=True)
    wanted = wanted if slugs is None else wanted.filter(slug__in=slugs)
    for monitor in wanted:
        QueueState.objects.update_or_create(
            monitor=monitor, defaults={"held_reason": reason}, create_defaults={"held_reason": reason, "since": now}
        )
    notify(STATE_CHANNEL, held=reason)


@transaction.atomic
def release_queues(slugs: Collection[str] | None = None) -> None:
    """End the hold of the named queues, or of all."""
    held = QueueState.objects.exclude(held_reason="")
    (held if slugs is None else held.filter(monitor__slug__in=slugs)).update(held_reason="")
    notify(STATE_CHANNEL, held="")
