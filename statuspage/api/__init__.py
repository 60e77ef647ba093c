"""Own the operator and ingest API: its parts, its errors, its description at `/api/v1/openapi.json`."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_exempt
from django.views.generic import RedirectView
from ninja import NinjaAPI
from ninja.errors import AuthenticationError, HttpError, ValidationError

from statuspage.api import changes, queues, samples
from statuspage.api.errors import Refusal, RefusedError
from statuspage.errors import TokenRefusedError

api = NinjaAPI(
    title="Standpipe",
    version="1",
    urls_namespace="api",
    docs_url=None,
    description="Push queue samples and change events, read queues. Send a token: Authorization: Bearer sp_...",
)
api.add_router("", samples.router)
api.add_router("", changes.router)
api.add_router("", queues.router)


@api.exception_handler(TokenRefusedError)
def token_refused(request: HttpRequest, error: TokenRefusedError) -> HttpResponse:
    return answer(request, error.status, [Refusal("Authorization", error.reason)])


@api.exception_handler(AuthenticationError)
def not_authenticated(request: HttpRequest, error: AuthenticationError) -> HttpResponse:
    return answer(request, 401, [Refusal("Authorization", "Send an API token: Authorization: Bearer sp_...")])


@api.exception_handler(ValidationError)
def not_valid(request: HttpRequest, error: ValidationError) -> HttpResponse:
    """Each complaint with the field's path in what was sent, e.g. `samples.3.depth`."""
    return answer(request, 422, [Refusal(field(row["loc"]), row["msg"]) for row in error.errors])


@api.exception_handler(RefusedError)
def refused(request: HttpRequest, error: RefusedError) -> HttpResponse:
    return answer(request, 422, error.refusals)


@api.exception_handler(HttpError)
def http_error(request: HttpRequest, error: HttpError) -> HttpResponse:
    return answer(request, error.status_code, [Refusal("body", str(error))])


@api.exception_handler(RequestDataTooBig)
def too_big(request: HttpRequest, error: RequestDataTooBig) -> HttpResponse:
    return answer(request, 413, [Refusal("body", "The body is too large; send fewer at once.")])


@api.exception_handler(RecursionError)
def too_deep(request: HttpRequest, error: RecursionError) -> HttpResponse:
    return answer(request, 400, [Refusal("body", "The JSON is nested too deeply.")])


def field(location: tuple[str | int, ...]) -> str:
    """Without the names that only our functions give: `body` and the parameter's."""
    parts = location[2:] if location[:1] == ("body",) else location[1:]
    return ".".join(map(str, parts)) or "body"


def answer(request: HttpRequest, status: int, refusals: list[Refusal]) -> HttpResponse:
    return api.create_response(request, {"errors": [refusal.as_json() for refusal in refusals]}, status=status)


def patterns() -> list[URLPattern]:
    """The API's addresses. Tokens are its doors: the door of people, which asks for a session, stands open."""
    found = [row for row in api.urls[0] if isinstance(row, URLPattern) and row.name != "api-root"]
    root = path("", login_not_required(RedirectView.as_view(pattern_name="api-docs")), name="api-root")
    return [root, *(path(str(row.pattern), opened(row.callback), name=row.name) for row in found)]


def opened(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    @login_not_required
    @csrf_exempt
    @wraps(view, updated=())
    def entered(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return view(request, *args, **kwargs)

    return entered


def pagerduty_view() -> Callable[..., HttpResponseBase]:
    """The view behind the path that PagerDuty's own senders append to their host."""
    view: Callable[..., HttpResponseBase] = next(p.callback for p in patterns() if p.name == "change-enqueue")
    return view
