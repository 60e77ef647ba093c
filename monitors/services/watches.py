"""Own what people ask of the prober: look at this monitor now."""

from __future__ import annotations

from django.db import transaction
from django.db.models.functions import Now

from monitors.models import Monitor, Watch
from monitors.notices import CONFIG_CHANNEL, notify


@transaction.atomic
def run_now(monitor: Monitor) -> None:
    """Make a monitor due at all its locations; the probers that hold it hear of it with the commit."""
    Watch.objects.filter(monitor=monitor).update(due_at=Now())
    notify(CONFIG_CHANNEL, run=[monitor.pk])
