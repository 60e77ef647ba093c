"""Own the pages of watched domains: the list, one domain with its records and changes, and "judge now"."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_POST, require_safe

from monitors.mail_dns.judging import not_judged
from monitors.mail_dns.options import DomainOptions
from monitors.models import Monitor
from monitors.selectors.domains import (
    domain_rows,
    is_judged_since,
    record_changes,
    record_views,
    state_of,
    waited_too_long,
)
from monitors.services.watches import run_now

may_see = permission_required("monitors.view_monitor", raise_exception=True)
may_run = permission_required("monitors.run_monitor", raise_exception=True)


def watched_domain(slug: str) -> Monitor:
    monitors = Monitor.objects.select_related("component", "state")
    return get_object_or_404(monitors, slug=slug, kind="domain", removed_at=None)


@may_see
@require_safe
def domain_list(request: HttpRequest) -> HttpResponse:
    template = "monitors/_domain_table.html" if request.headers.get("HX-Request") else "monitors/domain_list.html"
    return render(request, template, {"rows": domain_rows(timezone.now())})


@may_see
@require_safe
def domain_detail(request: HttpRequest, slug: str) -> HttpResponse:
    """The page; to htmx only the records, which ask for themselves again until an awaited look is there."""
    monitor, asked = watched_domain(slug), asked_at(request)
    context = domain_context(monitor, asked, timezone.now())
    if not request.headers.get("HX-Request"):
        return render(request, "monitors/domain_detail.html", context)
    response = render(request, "monitors/_domain_records.html", context)
    if asked is not None and context["asked_at"] is None:
        response["HX-Refresh"] = "true"  # the changes beside the records may have grown too
    return response


@may_run
@require_POST
def domain_judge(request: HttpRequest, slug: str) -> HttpResponse:
    """Make the domain due; the records show the new look as soon as a prober has stored it."""
    monitor, now = watched_domain(slug), timezone.now()
    address = reverse("monitors:domain-detail", args=[slug])
    if monitor.is_paused:
        messages.warning(request, "This domain is paused: resume its monitor, then it is judged at once.")
        return redirect(address)
    run_now(monitor)
    return redirect(f"{address}?{urlencode({'after': now.isoformat()})}")


def asked_at(request: HttpRequest) -> datetime | None:
    try:
        given = parse_datetime(request.GET.get("after", ""))
    except ValueError:
        return None
    return given if given is not None and given.tzinfo is not None else None


def domain_context(monitor: Monitor, asked: datetime | None, now: datetime) -> dict[str, Any]:
    options = DomainOptions.model_validate(monitor.options)
    records = record_views(monitor, now)
    is_awaited = not is_judged_since(records, asked)
    return {
        "monitor": monitor,
        "options": options,
        "records": records,
        "absent": [view for view in records if view.is_absent],
        "state": state_of(monitor, records),
        "changes": record_changes(monitor),
        "not_judged": not_judged(options, {view.row.record for view in records}) if records else {},
        "asked_at": asked if is_awaited else None,
        "is_overdue": is_awaited and asked is not None and waited_too_long(asked, monitor, now),
    }
