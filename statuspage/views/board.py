"""Own the board's pages: the board itself, whole or as a fragment, and the drawer of one queue."""

from __future__ import annotations

import csv
from datetime import datetime
from typing import Any

from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from monitors.selectors.queues import QueueView, day_series, latest_queue
from statuspage.board import board as whole_board
from statuspage.board.drawer import CSV_COLUMNS, drawer
from statuspage.board.frames import slugs

may_see = permission_required("monitors.view_monitor", raise_exception=True)


@require_safe
@may_see
def board(request: HttpRequest) -> HttpResponse:
    """The page, or with HX-Request what stands inside its #board."""
    found = whole_board(timezone.now())
    template = "statuspage/_board.html" if is_fragment(request) else "statuspage/board.html"
    return render(request, template, {"board": found, "cards": slugs(found.queues)})


@require_safe
@may_see
def board_queue(request: HttpRequest, slug: str) -> HttpResponse:
    now = timezone.now()
    template = "statuspage/_board_queue.html" if is_fragment(request) else "statuspage/board_queue.html"
    return render(request, template, {"drawer": drawer(queue_or_404(slug), now)})


@require_safe
@may_see
def board_queue_csv(request: HttpRequest, slug: str) -> HttpResponse:
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


def is_fragment(request: HttpRequest) -> bool:
    return bool(getattr(request, "htmx", False))
