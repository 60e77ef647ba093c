"""Own the board's page: whole, or as a fragment."""

from __future__ import annotations

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from statuspage.board import board as whole_board
from statuspage.board.frames import slugs

may_see = permission_required("monitors.view_monitor", raise_exception=True)


@require_safe
@may_see
def board(request: HttpRequest) -> HttpResponse:
    """The page, or with HX-Request what stands inside its #board."""
    found = whole_board(timezone.now())
    template = "statuspage/_board.html" if request.headers.get("HX-Request") else "statuspage/board.html"
    return render(request, template, {"board": found, "cards": slugs(found.queues)})
