"""Own the check that a websocket was opened by a page of ours: browsers send cookies with anybody's handshake."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import validate_host

from statuspage.consumers import refuse


class SameOrigin:
    """ASGI middleware: the Origin's host and port are those that the page was asked under (RFC 6455 section 10.2).

    Stricter than comparing with ALLOWED_HOSTS, which would let in any other port of this machine.
    """

    def __init__(self, inner: Any) -> None:
        self.inner = inner

    async def __call__(self, scope: dict[str, Any], receive: Any, send: Any) -> Any:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        answer = self.inner if is_ours(headers) else refuse
        return await answer(scope, receive, send)


def is_ours(headers: dict[str, str]) -> bool:
    origin = headers.get("origin", "")
    host = headers.get("host", "")
    if settings.USE_X_FORWARDED_HOST:
        host = headers.get("x-forwarded-host", host)
    if origin in settings.CSRF_TRUSTED_ORIGINS:
        return True
    try:
        name, came_from = urlsplit(f"//{host}").hostname or "", urlsplit(origin).netloc
    except ValueError:  # a bracket without its other one
        return False
    return bool(host) and came_from == host and validate_host(name, settings.ALLOWED_HOSTS)
