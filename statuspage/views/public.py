"""Own the page that readers see."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe

from monitors.selectors.components import public_components
from monitors.selectors.platform import platform
from statuspage.headline import headline


@login_not_required
@require_safe
def status_page(request: HttpRequest) -> HttpResponse:
    """Three queries; neither session nor user is touched, so that caches may keep it."""
    now = timezone.now()
    components = public_components(now)
    context = {"platform": platform().name, "components": components, "headline": headline(components), "now": now}
    return render(request, "statuspage/status_page.html", context)
