"""Own the theme switch: light, dark or the system's, kept in a cookie and needing no script."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_POST

YEAR_S = 365 * 24 * 3_600


@login_not_required
@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    back = request.POST.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(back, allowed_hosts={request.get_host()})
    response = redirect(back if is_ours else "/console/")
    chosen = request.POST.get("theme", "")
    if chosen in {"light", "dark"}:
        response.set_cookie("theme", chosen, max_age=YEAR_S, samesite="Lax", secure=request.is_secure(), httponly=True)
    else:
        response.delete_cookie("theme", samesite="Lax")
    return response
