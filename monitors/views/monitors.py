"""Own the list of monitors: filtered, sorted, live, and as CSV or JSON."""

from __future__ import annotations

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_safe
from django.views.decorators.vary import vary_on_headers

from monitors.exports import exported
from monitors.forms import MonitorFilterForm
from monitors.selectors.components import component_choices
from monitors.selectors.monitors import counts, kinds, monitor_rows

may_see = permission_required("monitors.view_monitor", raise_exception=True)


@may_see
@require_safe
@vary_on_headers("HX-Request")
def monitor_list(request: HttpRequest) -> HttpResponse:
    """The page, or for htmx its table alone. Four queries besides those of sign-in."""
    form = MonitorFilterForm(request.GET)
    wanted = form.wanted()
    rows = monitor_rows(wanted, timezone.now())
    context = {"rows": rows, "wanted": wanted, "counts": counts(rows), "query": request.GET.urlencode()}
    if request.headers.get("HX-Request"):
        return render(request, "monitors/_monitor_table.html", context)
    context |= {"form": form, "kinds": kinds(), "components": component_choices()}
    return render(request, "monitors/monitor_list.html", context)


@may_see
@require_safe
def monitor_export(request: HttpRequest, form: str) -> HttpResponse:
    """What the list shows under the same filters."""
    rows = monitor_rows(MonitorFilterForm(request.GET).wanted(), timezone.now())
    return exported(rows, "monitors", form)
