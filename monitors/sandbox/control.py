"""Own the sandbox's control socket: HTTP on the base port, loopback only, and the client that speaks to it."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from typing import Any

from monitors.sandbox import faults, metrics, status, web
from monitors.sandbox.faults import SandboxError
from monitors.sandbox.ledger import Figures, LedgerError
from monitors.sandbox.plan import LOOPBACK
from monitors.sandbox.supervisor import Platform

ANSWER_WITHIN_S = 20.0


class ControlPages:
    def __init__(self, platform: Platform, reader_dsn: str | None) -> None:
        self._platform = platform
        self._reader_dsn = reader_dsn
        self._figures: Figures | None = None
        self._registry = metrics.registry(lambda: metrics.queue_samples(self._figures) if self._figures else ())
        routes: dict[tuple[str, str], web.Route] = {
            ("GET", "/status"): self._status,
            ("GET", "/metrics"): self._metrics,
            ("POST", "/break"): self._break,
            ("POST", "/mend"): self._mend,
            ("POST", "/mode"): self._mode,
        }
        self.service = web.Service(web.App(routes, _guard), platform.setup.plan.control)

    async def _status(self, request: web.Request) -> web.Response:
        return web.as_json(200, await status.status(self._platform, self._reader_dsn))

    async def _metrics(self, request: web.Request) -> web.Response:
        self._figures = await self._platform.ledger.figures()
        return web.as_metrics(self._registry)

    async def _break(self, request: web.Request) -> web.Response:
        asked = json.loads(request.body)
        found = await self._platform.break_(asked["name"], asked.get("instance"), asked.get("args") or {})
        return web.as_json(200, {"broken": [one.instance for one in found]})

    async def _mend(self, request: web.Request) -> web.Response:
        asked = json.loads(request.body)
        ended = await self._platform.mend(asked["name"], asked.get("instance"))
        return web.as_json(200, {"mended": [{"name": one.name, "instance": one.instance} for one in ended]})

    async def _mode(self, request: web.Request) -> web.Response:
        word = json.loads(request.body)["mode"]
        if word not in ("online", "offline"):
            raise faults.FaultError("mode must be online or offline")
        await self._platform.set_mode(word)
        return web.as_json(200, self._platform.mode)


async def _guard(request: web.Request, route: web.Route) -> web.Response:
    """No page of a browser may steer us: neither by another name for loopback nor by a form."""
    if request.headers.get("host", "").partition(":")[0] not in (LOOPBACK, "localhost"):
        return web.as_json(403, {"error": "loopback only"})
    if request.method == "POST" and request.headers.get("content-type") != "application/json":
        return web.as_json(415, {"error": "JSON only"})
    try:
        return await route(request)
    except (SandboxError, KeyError, ValueError) as error:
        return web.as_json(422, {"error": str(error)})
    except LedgerError as error:
        return web.as_json(503, {"error": f"database: {error}"})


class Control:
    """The client's side. Raises SandboxError with the words for the operator."""

    def __init__(self, base_port: int) -> None:
        self._port = base_port

    def status(self) -> dict[str, Any]:
        return self._ask("GET", "/status")

    def break_(self, name: str, instance: str | None = None, **args: Any) -> dict[str, Any]:
        return self._ask("POST", "/break", {"name": name, "instance": instance, "args": args})

    def mend(self, name: str = "all", instance: str | None = None) -> dict[str, Any]:
        return self._ask("POST", "/mend", {"name": name, "instance": instance})

    def mode(self, word: str) -> dict[str, Any]:
        return self._ask("POST", "/mode", {"mode": word})

    def _ask(self, method: str, path: str, content: Mapping[str, Any] | None = None) -> dict[str, Any]:
        connection = http.client.HTTPConnection(LOOPBACK, self._port, timeout=ANSWER_WITHIN_S)
        try:
            body = None if content is None else json.dumps(content)
            connection.request(method, path, body, {"content-type": "application/json"})
            answer = connection.getresponse()
            found: dict[str, Any] = json.loads(answer.read())
        except ConnectionRefusedError:
            raise SandboxError(f"no sandbox on port {self._port}; start one: manage.py sandbox up") from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise SandboxError(f"the sandbox on port {self._port} does not answer: {error}") from error
        finally:
            connection.close()
        if answer.status != 200:
            raise SandboxError(found.get("error", f"status {answer.status}"))
        return found
