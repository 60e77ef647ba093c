"""Own the pages of queues: the list, live and as CSV or JSON, and one queue with its day and its findings."""

from __future__ import annotations

import csv
from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from monitors.exports import exported
from monitors.selectors.queues import QueueView, day_series, findings, latest_queue, latest_queues
from statuspage.board.drawer import CSV_COLUMNS, drawer
from statuspage.board.queues import SEVERITY, QueueCard, card
from statuspage.board.silence import silence

may_see = permission_required("monitors.view_monitor", raise_exception=True)


def worst_first() -> list[QueueCard]:
    silent = silence(timezone.now())
    found = [card(view, silent) for view in latest_queues()]
    return sorted(found, key=lambda each: (each.view.is_paused, SEVERITY[each.state], each.slug))


@require_safe
@may_see
@vary_on_headers("HX-Request")
def queue_list(request: HttpRequest) -> HttpResponse:
    """The page, or for htmx its table alone."""
    template = "_queue_table" if request.headers.get("HX-Request") else "queue_list"
    return render(request, f"statuspage/{template}.html", {"cards": worst_first()})


@require_safe
@may_see
def queue_export(request: HttpRequest, form: str) -> HttpResponse:
    return exported(latest_queues(), "queues", form)


@require_safe
@may_see
@vary_on_headers("HX-Target")
def queue_detail(request: HttpRequest, slug: str) -> HttpResponse:
    """The page, which asks for itself again, or what stands in the board's drawer."""
    context = {"drawer": drawer(queue_or_404(slug), timezone.now())}
    if request.headers.get("HX-Target") == "drawer-body":
        return render(request, "statuspage/_queue_drawer.html", context)
    return render(request, "statuspage/queue_detail.html", context | {"findings": findings(slug)})


@require_safe
@may_see
def queue_samples(request: HttpRequest, slug: str) -> HttpResponse:
    """The last 24 hours as CSV, a minute a line."""
    now = timezone.now()
    queue = queue_or_404(slug)
    disposition = f'attachment; filename="{queue.slug}-{now:%Y%m%dT%H%MZ}.csv"'
    response = HttpResponse(content_type="text/csv; charset=utf-8", headers={"Content-Disposition": disposition})
    writer = csv.writer(response)
    writer.writerow(("minute_utc", *CSV_COLUMNS))
    writer.writerows(csv_row(point) for point in day_series(queue.slug, now))
    return response


def csv_row(point: Any) -> list[Any]:
    """Empty where nothing is known."""
    minute = datetime.fromtimestamp(point.at_s, timezone.get_default_timezone()).strftime("%Y-%m-%dT%H:%MZ")
    return [minute, *(getattr(point, column) for column in CSV_COLUMNS)]


def queue_or_404(slug: str) -> QueueView:
    queue = latest_queue(slug)
    if queue is None:
        raise Http404(f"No queue is called {slug}.")
    return queue
