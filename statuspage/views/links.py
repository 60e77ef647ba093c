"""Own the page behind a one-time sign-in link."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth import login
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods

from statuspage.errors import LinkRefusedError
from statuspage.services.access import use_sign_in_link

NO_PASSWORD = "You came in by a link. Set a password or a passkey now, to come back without one: see Account."  # noqa: S105 - a sentence


@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def sign_in_link(request: HttpRequest, secret: str) -> HttpResponse:
    """Only a press of the button uses the link: chat programs that fetch it for a preview do not spend it."""
    if request.method != "POST":
        return render(request, "statuspage/sign_in_link.html")
    try:
        person = use_sign_in_link(secret, timezone.now())
    except LinkRefusedError as refusal:
        return render(request, "statuspage/sign_in_link.html", {"refusal": refusal}, status=410)
    login(request, person, backend="statuspage.access.RoleBackend")
    if not person.has_usable_password():
        messages.info(request, NO_PASSWORD)
    return redirect("/console/")
