"""Own the entrance of the web process: what memory answers, pages by HTTP, live frames by websocket."""

from __future__ import annotations

import os
from typing import Any

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "statuspage.settings")

pages: Any = get_asgi_application()

# Only now: what follows imports models, which need the apps that the line above has loaded.
from statuspage.front import Front  # noqa: E402
from statuspage.limits import BoundedBody  # noqa: E402
from statuspage.sockets import sockets  # noqa: E402
from statuspage.static_documents import static_documents  # noqa: E402

front = Front(BoundedBody(pages), static_documents())


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    answer = sockets if scope["type"] == "websocket" else front
    await answer(scope, receive, send)
