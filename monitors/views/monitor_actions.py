"""Own what operators do to a monitor: run now, pause, resume, mute, edit. Each is one service call."""

from __future__ import annotations

from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST

from monitors.errors import FileManagedError, OptionsError, StaleEditError
from monitors.forms import MonitorForm, MuteForm
from monitors.models import Monitor
from monitors.services import monitors as services
from monitors.services.watches import run_now
from monitors.views.monitor import standing_monitor

may_run = permission_required("monitors.run_monitor", raise_exception=True)
may_pause = permission_required("monitors.pause_monitor", raise_exception=True)
may_mute = permission_required("monitors.mute_monitor", raise_exception=True)
may_change = permission_required("monitors.change_monitor", raise_exception=True)


def back_to(monitor: Monitor, **query: str) -> HttpResponse:
    address = reverse("monitors:monitor-detail", args=[monitor.slug])
    return redirect(f"{address}?{urlencode(query)}" if query else address)


@may_run
@require_POST
def monitor_run(request: HttpRequest, slug: str) -> HttpResponse:
    """Make the monitor due and show its next observation as it arrives."""
    monitor, now = standing_monitor(slug), timezone.now()
    if monitor.is_paused:
        messages.warning(request, "This monitor is paused: resume it, then it runs at once.")
        return back_to(monitor)
    run_now(monitor)
    if not request.headers.get("HX-Request"):
        return back_to(monitor, after=now.isoformat())
    address = reverse("monitors:monitor-latest", args=[slug])
    return redirect(f"{address}?{urlencode({'after': now.isoformat()})}")


@may_pause
@require_POST
def monitor_pause(request: HttpRequest, slug: str) -> HttpResponse:
    monitor = standing_monitor(slug)
    is_done = services.pause_monitor(monitor, request.user.get_username(), timezone.now())
    messages.info(request, "Paused: nothing is probed until you resume." if is_done else "It was paused already.")
    return back_to(monitor)


@may_pause
@require_POST
def monitor_resume(request: HttpRequest, slug: str) -> HttpResponse:
    monitor = standing_monitor(slug)
    is_done = services.resume_monitor(monitor, request.user.get_username(), timezone.now())
    messages.info(request, "Resumed: the next check runs now." if is_done else "It was not paused.")
    return back_to(monitor)


@may_mute
@require_POST
def monitor_mute(request: HttpRequest, slug: str) -> HttpResponse:
    monitor, now = standing_monitor(slug), timezone.now()
    form = MuteForm(request.POST)
    if not form.is_valid():
        return render(request, "monitors/monitor_mute.html", {"monitor": monitor, "form": form}, status=422)
    until = now + form.cleaned_data["mute_for"]
    services.mute_monitor(monitor, until, form.cleaned_data["reason"], request.user.get_username(), now)
    messages.info(request, "Muted: it is still probed and judged, and rings nobody.")
    return back_to(monitor)


@may_mute
@require_POST
def monitor_unmute(request: HttpRequest, slug: str) -> HttpResponse:
    monitor = standing_monitor(slug)
    is_done = services.unmute_monitor(monitor, request.user.get_username(), timezone.now())
    messages.info(request, "No longer muted." if is_done else "It was not muted.")
    return back_to(monitor)


@may_change
@require_http_methods(["GET", "HEAD", "POST"])
def monitor_edit(request: HttpRequest, slug: str) -> HttpResponse:
    monitor = standing_monitor(slug)
    form = MonitorForm(request.POST) if request.method == "POST" else MonitorForm.of(monitor)
    if request.method == "POST" and form.is_valid() and saved(request, monitor, form):
        messages.success(request, "Saved: the next check runs with it now.")
        return back_to(monitor)
    context = {"monitor": monitor, "form": form}
    return render(request, "monitors/monitor_edit.html", context, status=422 if form.errors else 200)


def saved(request: HttpRequest, monitor: Monitor, form: MonitorForm) -> bool:
    """Try the edit; put every refusal beside its field."""
    try:
        services.edit_monitor(
            monitor, form.edit(), form.cleaned_data["seen_at"], request.user.get_username(), timezone.now()
        )
    except OptionsError as refusal:
        for path, reason in refusal.reasons.items():
            form.add_error("options", f"{path}: {reason}")
    except (StaleEditError, FileManagedError) as refusal:
        form.add_error(None, str(refusal))
    return form.is_valid()
