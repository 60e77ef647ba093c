"""Own the map of websocket addresses, behind the checks of origin and session."""

from __future__ import annotations

from typing import Any

from channels.auth import AuthMiddlewareStack

from statuspage.consumers import BoardConsumer, refuse
from statuspage.origin import SameOrigin

BY_PATH = {"/ws/board/": SameOrigin(AuthMiddlewareStack(BoardConsumer.as_asgi()))}


async def sockets(scope: dict[str, Any], receive: Any, send: Any) -> None:
    await BY_PATH.get(scope["path"], refuse)(scope, receive, send)
