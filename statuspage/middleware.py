"""Own what every request passes: the refusal of nonsense, the door that is closed by default, the security headers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.core.exceptions import BadRequest
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "manifest-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
PRIVATE = "private, no-store"
"""For pages of signed-in people: kept by no proxy, and not shown by `back` after somebody has signed out."""
PERMISSIONS_POLICY = "camera=(), geolocation=(), microphone=(), payment=(), usb=()"


class ClosedByDefault(LoginRequiredMiddleware):
    """Django's own, but a view that needs no login does not load the session: public pages stay one to all readers."""

    def process_view(
        self, request: HttpRequest, view_func: Callable[..., HttpResponseBase], view_args: Any, view_kwargs: Any
    ) -> HttpResponseBase | None:
        if not getattr(view_func, "login_required", True):
            return None
        return super().process_view(request, view_func, view_args, view_kwargs)

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        found = request.resolver_match
        if found is not None and getattr(found.func, "login_required", True):
            response.headers.setdefault("Cache-Control", PRIVATE)
        return response


def refuse_nonsense(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Refuse what would fail further in: a NUL, which no text in PostgreSQL holds, and forms in another encoding than
    UTF-8. Django refuses those too, but for multipart ones, and fails where the codec is none of text (`hex`).
    """

    def middleware(request: HttpRequest) -> HttpResponse:
        if "\0" in request.path:
            raise Http404("no address has a NUL")
        if request.content_type == "multipart/form-data" and (request.encoding or "utf-8").lower() != "utf-8":
            raise BadRequest("forms are sent as UTF-8")
        return get_response(request)

    return middleware


def security_headers(get_response: Callable[[HttpRequest], HttpResponse]) -> Callable[[HttpRequest], HttpResponse]:
    """Send the policies that Django 5.2 has no setting for. A view that needs another policy sets it itself."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", CONTENT_SECURITY_POLICY)
        response.headers.setdefault("Permissions-Policy", PERMISSIONS_POLICY)
        return response

    return middleware
