"""Own the little HTTP that the sandbox speaks: routes to coroutines, JSON both ways, served by uvicorn."""

from __future__ import annotations

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import uvicorn
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, generate_latest

from monitors.sandbox.plan import Endpoint

MAX_BODY = 1_000_000
LIMIT_CONNECTIONS = 500


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)


Route = Callable[[Request], Awaitable[Response]]


def as_json(status: int, content: Any, headers: Mapping[str, str] | None = None) -> Response:
    body = json.dumps(content, default=str).encode() + b"\n"
    return Response(status, body, {"content-type": "application/json", **(headers or {})})


def as_text(status: int, text: str, headers: Mapping[str, str] | None = None, kind: str = "text/plain") -> Response:
    return Response(status, text.encode(), {"content-type": f"{kind}; charset=utf-8", **(headers or {})})


def as_metrics(registry: CollectorRegistry) -> Response:
    return Response(200, generate_latest(registry), {"content-type": CONTENT_TYPE_LATEST})


class App:
    """An ASGI application of exact routes. `/x/*` matches one more segment. `wrap` stands around every route."""

    def __init__(
        self, routes: dict[tuple[str, str], Route], wrap: Callable[[Request, Route], Awaitable[Response]] | None = None
    ) -> None:
        self._routes = routes
        self._wrap = wrap

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        request = await _read(scope, receive)
        response = (
            as_json(413, {"error": f"body over {MAX_BODY} bytes"}) if request is None else await self._to(request)
        )
        headers = [(name.encode(), value.encode()) for name, value in response.headers.items()]
        headers.append((b"content-length", str(len(response.body)).encode()))
        await send({"type": "http.response.start", "status": response.status, "headers": headers})
        body = b"" if scope["method"] == "HEAD" else response.body
        await send({"type": "http.response.body", "body": body})

    async def _to(self, request: Request) -> Response:
        route = self._find(request)
        if route is None:
            known = any(path in (request.path, _parent(request.path)) for _, path in self._routes)
            return as_json(405 if known else 404, {"error": "no such method" if known else "no such page"})
        return await (self._wrap(request, route) if self._wrap else route(request))

    def _find(self, request: Request) -> Route | None:
        method = "GET" if request.method == "HEAD" else request.method
        return self._routes.get((method, request.path)) or self._routes.get((method, _parent(request.path)))


def _parent(path: str) -> str:
    return path.rpartition("/")[0] + "/*"


async def _read(scope: Any, receive: Any) -> Request | None:
    body = b""
    while True:
        event = await receive()
        body += event.get("body", b"")
        if len(body) > MAX_BODY:
            return None
        if not event.get("more_body"):
            break
    headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
    query = dict(parse_qsl(scope["query_string"].decode("latin-1")))
    return Request(scope["method"], scope["path"], query, headers, body)


class _Server(uvicorn.Server):
    """uvicorn without its signals: the instance itself decides when to stop."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Service:
    """One listening HTTP service inside an instance. `context` is None for plain HTTP."""

    def __init__(self, app: App, endpoint: Endpoint, pem: Path | None = None) -> None:
        config = uvicorn.Config(
            app, host=endpoint.host, port=endpoint.port, lifespan="off", ws="none", access_log=False,
            log_level="error", server_header=False, timeout_graceful_shutdown=1, limit_concurrency=LIMIT_CONNECTIONS,
            timeout_keep_alive=30, ssl_certfile=pem, ssl_keyfile=pem,
        )  # fmt: skip
        config.load()
        self._config = config
        self._server = _Server(config)
        self._task: asyncio.Task[None] | None = None

    @property
    def tls(self) -> ssl.SSLContext | None:
        return self._config.ssl

    async def start(self) -> None:
        self._task = asyncio.create_task(self._serve())
        while not self._server.started:
            if self._task.done():
                self._task.result()
                raise OSError(f"cannot listen on {self._config.host}:{self._config.port}")
            await asyncio.sleep(0.005)

    async def _serve(self) -> None:
        try:
            await self._server.serve()
        except SystemExit as error:  # uvicorn's word for a port that is taken
            raise OSError(f"cannot listen on {self._config.host}:{self._config.port}") from error

    async def stop(self) -> None:
        self._server.should_exit = True
        if self._task is not None:
            await self._task


def preload() -> None:
    """Have uvicorn import now what it imports at the first service: once, instead of once in each instance."""
    uvicorn.Config(App({}), lifespan="off", ws="none").load()


def metrics_service(endpoint: Endpoint, registry: CollectorRegistry) -> Service:
    """A listener with one page, for a role that serves no HTTP of its own."""

    async def page(request: Request) -> Response:
        return as_metrics(registry)

    return Service(App({("GET", "/metrics"): page}), endpoint)
