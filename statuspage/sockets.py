"""Own the map of websocket addresses, behind the checks of origin and session."""

from __future__ import annotations

import logging
from typing import Any

from channels.auth import AuthMiddlewareStack
from django.db import DatabaseError

from statuspage.consumers import BoardConsumer, refuse
from statuspage.origin import SameOrigin

BY_PATH = {"/ws/board/": SameOrigin(AuthMiddlewareStack(BoardConsumer.as_asgi()))}


log = logging.getLogger(__name__)


async def sockets(scope: dict[str, Any], receive: Any, send: Any) -> None:
    try:
        await BY_PATH.get(scope["path"], refuse)(scope, receive, send)
    except DatabaseError as error:
        # Every board knocks again every few seconds: one line each, and no traceback.
        log.warning("websocket refused", extra={"error": str(error).partition("\n")[0]})
        await refuse(scope, receive, send)
