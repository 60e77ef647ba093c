"""Own the page of one monitor: how it stood, how fast it answered, what the wire said, how it is configured."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_safe

from monitors.forms import MuteForm
from monitors.heartbeat_keys import heartbeat_key
from monitors.models import Monitor
from monitors.selectors.monitor_page import configuration, history, standing, transcripts
from monitors.selectors.monitors import WatchView, watches
from monitors.views.monitors import may_see

PROBER_WAIT = timedelta(seconds=10)
"""How long a run may stay unanswered beyond its timeout before the page says that no prober took it."""
SPANS = {name: timedelta(hours=hours) for name, hours in (("1h", 1), ("24h", 24), ("7d", 168), ("30d", 720))}
USUAL_SPAN = "1h"


def standing_monitor(slug: str) -> Monitor:
    monitors = Monitor.objects.select_related("component")
    return get_object_or_404(monitors, slug=slug, removed_at=None)


def heartbeat_url(request: HttpRequest, monitor: Monitor) -> str | None:
    """The address that a job calls. Who has it can make the monitor green, so only who may change it sees it."""
    if monitor.kind != "heartbeat" or not request.user.has_perm("monitors.change_monitor"):
        return None
    key = heartbeat_key(monitor.pk, int(monitor.options.get("key_number", 1)))
    return request.build_absolute_uri(reverse("heartbeats:heartbeat-bare", args=[key]))


@may_see
@require_safe
def monitor_detail(request: HttpRequest, slug: str) -> HttpResponse:
    monitor, now = standing_monitor(slug), timezone.now()
    span = request.GET.get("span", "")
    span = span if span in SPANS else USUAL_SPAN
    seen = watches(monitor)
    context = {
        "monitor": monitor,
        "standing": standing(monitor, now),
        "watches": seen,
        "history": history(monitor, SPANS[span], now),
        "transcripts": transcripts(monitor),
        "configuration": configuration(monitor),
        "heartbeat_url": heartbeat_url(request, monitor),
        "mute_form": MuteForm(),
        "spans": SPANS,
        "span": span,
        "run": run_of(request.GET.get("after", ""), seen, monitor.timeout, now),
    }
    return render(request, "monitors/monitor_detail.html", context)


@may_see
@require_safe
def monitor_latest(request: HttpRequest, slug: str) -> HttpResponse:
    """The state and what each location saw last, as a fragment that asks for itself again.

    `after` is the moment at which somebody pressed "run now": until an observation younger than it is
    there, the fragment asks four times a second.
    """
    monitor, now = standing_monitor(slug), timezone.now()
    seen = watches(monitor)
    context = {
        "monitor": monitor,
        "standing": standing(monitor, now),
        "watches": seen,
        "run": run_of(request.GET.get("after", ""), seen, monitor.timeout, now),
    }
    return render(request, "monitors/_monitor_latest.html", context)


@dataclass(frozen=True, slots=True)
class Run:
    """A run that somebody asked for at `asked_at`: awaited until each location answered, overdue after a while."""

    asked_at: datetime
    state: Literal["awaited", "overdue", "done"]


def run_of(after: str, seen: list[WatchView], timeout: timedelta, now: datetime) -> Run | None:
    try:
        told = parse_datetime(after)
        # Near the ends of the calendar an instant may have no date in UTC.
        asked_at = told.astimezone(UTC) if told is not None and told.tzinfo is not None else None
    except (ValueError, OverflowError):
        return None
    if asked_at is None:
        return None
    if all(watch.last_at and watch.last_at >= asked_at for watch in seen):
        return Run(asked_at, "done")
    return Run(asked_at, "overdue" if now - asked_at > timeout + PROBER_WAIT else "awaited")
