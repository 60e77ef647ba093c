"""Own the answers to machines that watch Standpipe itself: readiness, and figures for Prometheus."""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import DisallowedHost
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from statuspage import tokens
from statuspage.environment import LOOPBACK_NAMES
from statuspage.errors import TokenRefusedError
from statuspage.selectors.figures import exposition
from statuspage.selectors.readiness import readiness

NOT_READY = "not ready: ask on the machine itself for the reason"
MARKS_OF_A_PROXY = ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", "Forwarded", "Via")


@login_not_required
@never_cache
@require_safe
def ready(request: HttpRequest) -> HttpResponse:
    """200 when the database answers and its tables are those of this version, else 503.

    The reason names the database's address or directory: it is told on this machine only.
    """
    found = readiness()
    reason = found.reason if found.is_ready or is_from_here(request) else NOT_READY
    return JsonResponse({"ready": found.is_ready, "reason": reason}, status=200 if found.is_ready else 503)


@login_not_required
@never_cache
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text for a scraper on this machine, or for one with a token of scope `metrics`."""
    try:
        if not is_from_here(request):
            tokens.authenticate(request.headers.get("Authorization"), "metrics", timezone.now())
        return HttpResponse(exposition(), content_type=CONTENT_TYPE_LATEST)
    except TokenRefusedError as refusal:
        challenge = {"WWW-Authenticate": "Bearer"} if refusal.status == 401 else {}
        return plain(refusal.reason, refusal.status, challenge)
    except DatabaseError as error:
        return plain(str(error).splitlines()[0] if is_from_here(request) else NOT_READY, 503)


def plain(line: str, status: int, headers: dict[str, str] | None = None) -> HttpResponse:
    return HttpResponse(f"{line}\n", status=status, content_type="text/plain; charset=utf-8", headers=headers)


def is_from_here(request: HttpRequest) -> bool:
    """A proxy on this machine connects from loopback too, but carries the public name or marks of its own."""
    try:
        name = urlsplit(f"//{request.get_host()}").hostname
        is_loopback = ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except (DisallowedHost, ValueError):
        return False
    is_forwarded = any(mark in request.headers for mark in MARKS_OF_A_PROXY)
    return is_loopback and name in LOOPBACK_NAMES and not is_forwarded
