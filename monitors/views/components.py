"""Own the pages of components: what each amounts to, its instances, how it stood."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from monitors.exports import exported
from monitors.models import Component
from monitors.selectors.components import component_rows
from monitors.selectors.monitors import MonitorFilter, monitor_rows
from monitors.selectors.standing_history import standing_over
from monitors.views.monitor import SPANS
from monitors.views.monitors import may_see

USUAL_SPAN = "24h"


@may_see
@require_safe
@vary_on_headers("HX-Request")
def component_list(request: HttpRequest) -> HttpResponse:
    """The page, or for htmx its cards alone. Three queries besides those of sign-in."""
    now = timezone.now()
    is_fragment = request.headers.get("HX-Request")
    template = "monitors/_component_cards.html" if is_fragment else "monitors/component_list.html"
    return render(request, template, {"components": component_rows(now)})


@may_see
@require_safe
def component_export(request: HttpRequest, form: str) -> HttpResponse:
    return exported(component_rows(timezone.now()), "components", form)


@may_see
@require_safe
def component_detail(request: HttpRequest, slug: str) -> HttpResponse:
    component = get_object_or_404(Component, slug=slug, removed_at=None)
    now = timezone.now()
    span = request.GET.get("span", "")
    span = span if span in SPANS else USUAL_SPAN
    context = {
        "component": component,
        "row": next(row for row in component_rows(now) if row.slug == slug),
        "rows": monitor_rows(MonitorFilter(component=slug), now),
        "start": now - SPANS[span],
        "standing": standing_over(component, now - SPANS[span], now),
        "needs": component.depends_on.filter(removed_at=None),
        "needed_by": component.dependants.filter(removed_at=None),
        "spans": SPANS,
        "span": span,
    }
    return render(request, "monitors/component_detail.html", context)
