"""Own the pages where admins make and revoke API tokens."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from statuspage.errors import NameTakenError
from statuspage.forms import TokenForm
from statuspage.models import ApiToken, User
from statuspage.selectors.access import tokens
from statuspage.services import access
from statuspage.views.people import admins_only


@admins_only
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def token_list(request: HttpRequest) -> HttpResponse:
    """The tokens, and the form that makes one; a new key is shown in the answer, once."""
    form = TokenForm(request.POST or None)
    key = made = None
    if request.method == "POST" and form.is_valid():
        assert isinstance(request.user, User)
        try:
            made, key = access.make_token(**form.cleaned_data, made_by=request.user)
            form = TokenForm()
        except NameTakenError as taken:
            form.add_error("name", str(taken))
    context = {"form": form, "tokens": tokens(), "key": key, "made": made}
    return render(request, "statuspage/token_list.html", context, status=422 if form.errors else 200)


@admins_only
@require_POST
def token_revoke(request: HttpRequest, pk: int) -> HttpResponse:
    token = get_object_or_404(ApiToken, pk=pk)
    if access.revoke_token(token, timezone.now()):
        messages.success(request, f"{token} is revoked: what uses it is refused from now on.")
    else:
        messages.info(request, f"{token} was revoked before.")
    return redirect("statuspage:token-list")
