"""Own the sandbox's control pages: HTTP on the base port, loopback only."""

from __future__ import annotations

import json

from monitors.sandbox import faults, metrics, status, web
from monitors.sandbox.faults import SandboxError
from monitors.sandbox.ledger import Figures, LedgerError
from monitors.sandbox.plan import LOOPBACK
from monitors.sandbox.supervisor import Platform


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
