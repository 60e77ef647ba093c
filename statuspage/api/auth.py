"""Own who may call: a token in the Authorization header, or PagerDuty's routing key in the body."""

from __future__ import annotations

import json
from datetime import UTC, datetime

from django.http import HttpRequest
from ninja.security import HttpBearer
from ninja.security.base import AuthBase

from statuspage.models import ApiToken
from statuspage.tokens import authenticate


class Token(HttpBearer):
    """A token with one scope; refusals say which it lacks."""

    def __init__(self, scope: ApiToken.Scope) -> None:
        super().__init__()
        self.scope = scope

    def __call__(self, request: HttpRequest) -> ApiToken:
        return authenticate(request.headers.get("Authorization"), self.scope, datetime.now(UTC))

    def authenticate(self, request: HttpRequest, token: str) -> ApiToken:
        return authenticate(f"Bearer {token}", self.scope, datetime.now(UTC))


class RoutingKey(AuthBase):
    """What PagerDuty's senders can be configured with: the token as `routing_key`, or the header."""

    openapi_type = "http"
    openapi_scheme = "bearer"

    def __call__(self, request: HttpRequest) -> ApiToken:
        header = request.headers.get("Authorization")
        if header is None and (key := routing_key(request)):
            header = f"Bearer {key}"
        return authenticate(header, ApiToken.Scope.CHANGES, datetime.now(UTC))


def routing_key(request: HttpRequest) -> str | None:
    try:
        body = json.loads(request.body)
    except ValueError:
        return None
    key = body.get("routing_key") if isinstance(body, dict) else None
    return key if isinstance(key, str) else None
