"""Own what is answered from memory, before Django: liveness now, public documents when they exist.

An answer given here needs neither database nor thread, so it stays up when they do not.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[Mapping[str, Any]]]
Send = Callable[[Mapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Document:
    body: bytes
    content_type: str
    headers: tuple[tuple[bytes, bytes], ...] = ()


LIVENESS = Document(b"alive\n", "text/plain; charset=utf-8", ((b"cache-control", b"no-store"),))
"""Says that this process serves, and nothing about anything else: that is what `/readyz` is for."""


class Front:
    """ASGI application: a document where `documents` has one for the path, else what is behind."""

    def __init__(self, behind: Application) -> None:
        self.behind = behind
        self.documents: dict[str, Document] = {"/healthz": LIVENESS}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        document = self.documents.get(scope["path"]) if scope["type"] == "http" else None
        if document is None:
            await self.behind(scope, receive, send)
        elif scope["method"] in {"GET", "HEAD"}:
            await answer(send, 200, document, with_body=scope["method"] == "GET")
        else:
            await answer(send, 405, Document(b"", document.content_type, ((b"allow", b"GET, HEAD"),)))


async def answer(send: Send, status: int, document: Document, *, with_body: bool = True) -> None:
    headers = [
        (b"content-type", document.content_type.encode()),
        (b"content-length", str(len(document.body)).encode()),
        (b"x-content-type-options", b"nosniff"),
        *document.headers,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": document.body if with_body else b""})
