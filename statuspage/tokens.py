"""Own the check of API tokens: `Authorization: Bearer` (RFC 6750 section 2.1) against digests and scopes."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q

from statuspage.errors import TokenRefusedError
from statuspage.models import ApiToken
from statuspage.services.access import digest

USE_NOTED_EVERY = timedelta(minutes=1)
"""A sampler calls many times a second; knowing the minute of the last use is enough and spares a write a call."""

__all__ = ["TokenRefusedError", "authenticate"]


def authenticate(header: str | None, scope: str, now: datetime) -> ApiToken:
    """The token behind an Authorization header, if it may do `scope`. One query, a second one a minute.

    Raises TokenRefusedError, whose `status` and `reason` are fit for the answer.
    """
    method, _, key = (header or "").partition(" ")
    if method.lower() != "bearer" or not key.strip():
        raise TokenRefusedError("Send an API token: Authorization: Bearer sp_...", 401)
    token = ApiToken.objects.filter(digest=digest(key.strip())).first()
    if token is None or token.revoked_at is not None:
        raise TokenRefusedError("This API token is unknown or was revoked.", 401)
    if scope not in token.scopes:
        raise TokenRefusedError(f"This API token lacks the scope {scope!r}; it has {', '.join(token.scopes)}.", 403)
    note_use(token, now)
    return token


def note_use(token: ApiToken, now: datetime) -> None:
    if token.last_used_at is None or now - token.last_used_at >= USE_NOTED_EVERY:
        long_ago = Q(last_used_at=None) | Q(last_used_at__lte=now - USE_NOTED_EVERY)
        ApiToken.objects.filter(long_ago, pk=token.pk).update(last_used_at=now)
