"""Own the recording of changes that people and machines tell of."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db import transaction

from monitors.models import ChangeEvent
from monitors.notices import STATE_CHANNEL, notify


@transaction.atomic
def record_change(key: str, *, ended_at: datetime | None = None, **told: Any) -> bool:
    """Record a change once per key; whether it was new. A known change only gets its end, when told now."""
    change, is_new = ChangeEvent.objects.get_or_create(key=key, defaults={**told, "ended_at": ended_at})
    if not is_new and ended_at is not None and ended_at != change.ended_at and ended_at >= change.occurred_at:
        ChangeEvent.objects.filter(pk=change.pk).update(ended_at=ended_at)
    notify(STATE_CHANNEL, change=change.pk)
    return is_new
