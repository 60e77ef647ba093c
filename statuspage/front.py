"""Own what is answered from memory, before Django: liveness and static files now, public documents when they exist.

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
Header = tuple[bytes, bytes]


@dataclass(frozen=True, slots=True)
class Document:
    """Bytes to answer with; `packed` is the same compressed by gzip, where that is worth it."""

    body: bytes
    content_type: str
    headers: tuple[Header, ...] = ()
    packed: bytes | None = None


LIVENESS = Document(b"alive\n", "text/plain; charset=utf-8", ((b"cache-control", b"no-store"),))
"""Says that this process serves, and nothing about anything else: that is what `/readyz` is for."""


class Front:
    """ASGI application: a document where there is one for the path, else what is behind."""

    def __init__(self, behind: Application, documents: Mapping[str, Document]) -> None:
        self.behind = behind
        self.documents: dict[str, Document] = {"/healthz": LIVENESS, **documents}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        document = self.documents.get(scope["path"]) if scope["type"] == "http" else None
        if document is None:
            await self.behind(scope, receive, send)
        elif scope["method"] in {"GET", "HEAD"}:
            await answer(scope, send, document)
        else:
            await answer(scope, send, Document(b"", document.content_type, ((b"allow", b"GET, HEAD"),)), 405)


async def answer(scope: Scope, send: Send, document: Document, status: int = 200) -> None:
    body, headers = document.body, [*document.headers, (b"x-content-type-options", b"nosniff")]
    if document.packed is not None:
        headers.append((b"vary", b"accept-encoding"))
        if takes_gzip(scope):
            body = document.packed
            headers.append((b"content-encoding", b"gzip"))
    headers.append((b"content-type", document.content_type.encode()))
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else body})


def takes_gzip(scope: Scope) -> bool:
    """RFC 9110 section 12.5.3, without weights but for the refusal `q=0`."""
    accepted = b",".join(value for name, value in scope["headers"] if name == b"accept-encoding").lower()
    words = [word.replace(b" ", b"") for word in accepted.split(b",")]
    return any(word.partition(b";")[0] == b"gzip" and not word.endswith((b";q=0", b";q=0.0")) for word in words)
