"""Own an API instance: takes mail by `POST /email`, shows messages and health, obeys the mode."""

from __future__ import annotations

import asyncio
import html
import random
import time
from collections.abc import Iterator
from typing import Any

from pydantic import ValidationError

from monitors.sandbox import metrics, mode, web
from monitors.sandbox.child import Context
from monitors.sandbox.email_form import Email
from monitors.sandbox.ledger import Figures, Ledger, LedgerError
from monitors.sandbox.metrics import Sample

FIGURES_MAX_AGE_S = 1.0  # health is asked by many monitors at once; the queue need not be counted for each
ALWAYS_OPEN = {("POST", "/email"), ("GET", "/health"), ("GET", "/metrics")}


class Api:
    def __init__(self, context: Context) -> None:
        setup = context.setup
        self._context = context
        self._ledger = Ledger(setup.database_url, setup.schema, context.name)
        self._accepted = self._refused = self._failed = self._busy = 0
        self._figures: tuple[float, Figures] | None = None
        self._figures_turn = asyncio.Lock()
        self._registry = metrics.registry(self._samples)
        routes: dict[tuple[str, str], web.Route] = {
            ("POST", "/email"): self._email,
            ("GET", "/messages"): self._messages,
            ("GET", "/health"): self._health,
            ("GET", "/metrics"): self._metrics,
            ("GET", "/"): self._page,
        }
        self.service = web.Service(web.App(routes, self._wrap), context.instance.endpoint, setup.authority.api.valid)
        context.on_change.append(self._choose_certificate)
        context.report = self._report

    def _choose_certificate(self) -> None:
        """New handshakes get the chain named by the knob; this is how a renewal without a restart works as well."""
        chain = self._context.setup.authority.api
        assert self.service.tls is not None
        self.service.tls.load_cert_chain(chain.expired if self._context.knobs.is_expired else chain.valid)

    def _report(self) -> dict[str, Any]:
        return {"accepted": self._accepted, "refused": self._refused, "failed": self._failed, "in_flight": self._busy}

    async def _wrap(self, request: web.Request, route: web.Route) -> web.Response:
        knobs, word = self._context.knobs, self._context.mode
        self._busy += 1
        try:
            if knobs.slow_s:
                await asyncio.sleep(knobs.slow_s)
            if knobs.error_ratio and random.random() < knobs.error_ratio:  # noqa: S311 - a coin, no secret
                return web.as_json(500, {"error": "internal error", "instance": self._context.name})
            if not word.serves_everything and (request.method, request.path) not in ALWAYS_OPEN:
                return self._unavailable("offline: mail is accepted and kept, and sent when we are back")
            return await route(request)
        except LedgerError as error:
            self._failed += 1
            return self._unavailable(f"database: {error}")
        finally:
            self._busy -= 1

    def _unavailable(self, reason: str) -> web.Response:
        headers = {"retry-after": str(mode.RETRY_AFTER_S)}
        return web.as_json(503, {"error": reason, "instance": self._context.name}, headers)

    async def _email(self, request: web.Request) -> web.Response:
        try:
            mail = Email.model_validate_json(request.body).as_mail()
        except ValidationError as error:
            self._refused += 1
            problems = [{"field": ".".join(map(str, p["loc"])), "reason": p["msg"]} for p in error.errors()]
            is_json = all(problem["type"] != "json_invalid" for problem in error.errors())
            return web.as_json(422 if is_json else 400, {"error": "invalid", "problems": problems})
        number = await self._ledger.accept(mail)
        self._accepted += 1
        return web.as_json(200, {"id": str(number), "state": "accepted", "instance": self._context.name})

    async def _messages(self, request: web.Request) -> web.Response:
        limit = request.query.get("limit", "50")
        if not (limit.isdecimal() and 1 <= int(limit) <= 500):
            return web.as_json(422, {"error": "invalid", "problems": [{"field": "limit", "reason": "1 to 500"}]})
        return web.as_json(200, {"messages": await self._ledger.recent(int(limit))})

    async def _health(self, request: web.Request) -> web.Response:
        word = self._context.mode
        about = {"instance": self._context.name, "mode": word.word or "unknown", "epoch": word.epoch}
        try:
            figures = await self._fresh_figures()
        except LedgerError as error:
            body = {"status": "failing", "reason": f"database: {error}", **about, "queue": None}
            return web.as_json(503, body, {"retry-after": "5"})
        queue = {**figures._asdict(), "depth": figures.queued + figures.in_flight}
        return web.as_json(200, {"status": "ok", **about, "queue": queue})

    async def _fresh_figures(self) -> Figures:
        async with self._figures_turn:
            if self._figures is None or time.monotonic() - self._figures[0] > FIGURES_MAX_AGE_S:
                self._figures = (time.monotonic(), await self._ledger.figures())
            return self._figures[1]

    async def _metrics(self, request: web.Request) -> web.Response:
        await self._fresh_figures()
        return web.as_metrics(self._registry)

    def _samples(self) -> Iterator[Sample]:
        mine = {"instance": self._context.name}
        yield Sample("sandbox_api_accepted", "Messages this process stored", self._accepted, True, mine)
        yield Sample("sandbox_api_refused", "Requests refused as invalid", self._refused, True, mine)
        yield Sample("sandbox_api_failed", "Requests failed for want of the database", self._failed, True, mine)
        yield Sample("sandbox_api_busy", "Requests being served", self._busy, labels=mine)
        yield Sample("sandbox_mode_epoch", "Epoch of the mode obeyed", self._context.mode.epoch, labels=mine)
        if self._figures is not None:
            yield from metrics.queue_samples(self._figures[1])

    async def _page(self, request: web.Request) -> web.Response:
        rows = "".join(
            f"<tr><td>{row['id']}<td>{row['state']}<td>{html.escape(row['from'])}<td>{html.escape(row['subject'])}</tr>"
            for row in await self._ledger.recent(20)
        )
        head = "<!doctype html><html lang=en><meta charset=utf-8><title>Sandbox mail</title>"
        table = f"<table><thead><tr><th>Id<th>State<th>From<th>Subject</thead>{rows}</table>"
        return web.as_text(200, f"{head}<h1>Sandbox mail</h1>{table}</html>\n", kind="text/html")

    async def close(self) -> None:
        await self.service.stop()
        await self._ledger.close()


async def main(context: Context) -> None:
    api = Api(context)
    await api.service.start()
    context.ready.set()
    await context.stopping.wait()
    await api.close()
