"""Own the rest of the world: an SMTP receiver behind the link that counts what arrives, by message id."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from monitors.sandbox import metrics, web
from monitors.sandbox.child import Context
from monitors.sandbox.link import Link
from monitors.sandbox.metrics import Sample

ID_HEADER = re.compile(rb"^X-Sandbox-Id: (\d{1,18})\r?$", re.MULTILINE)
REMEMBERED = 200_000  # ids, some hours of load: a second arrival later than that goes unnoticed
UNKNOWN_THERE = ("bounce@", "unknown@")


class Sink:
    """Counts: every arrival, distinct ids, arrivals beyond the first of an id."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._count_by_id: dict[int, int] = {}
        self._received = self._distinct = self._duplicated = self._refused = self._unmarked = 0
        plan = context.setup.plan
        self.link = Link(plan.link, context.instance.endpoint, lambda: context.knobs.bits_per_s)
        routes: dict[tuple[str, str], web.Route] = {
            ("GET", "/metrics"): self._metrics,
            ("GET", "/totals"): self._totals,
            ("GET", "/ids/*"): self._id,
        }
        self.pages = web.Service(web.App(routes), context.instance.metrics)
        self._registry = metrics.registry(self._samples)
        context.report = self.totals

    async def handle_RCPT(  # noqa: N802 - named by aiosmtpd
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith(UNKNOWN_THERE):
            self._refused += 1
            return "550 5.1.1 no such user here"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        if self._context.knobs.is_tempfailing:
            return "451 4.3.0 try again later"
        self._received += 1
        assert isinstance(envelope.content, bytes)
        found = ID_HEADER.search(envelope.content)
        if found is None:
            self._unmarked += 1
        else:
            self._count(int(found[1]))
        return "250 2.0.0 OK"

    def _count(self, number: int) -> None:
        seen = self._count_by_id.get(number, 0)
        self._count_by_id[number] = seen + 1
        self._distinct += not seen
        self._duplicated += bool(seen)
        if len(self._count_by_id) > REMEMBERED:
            self._count_by_id.pop(next(iter(self._count_by_id)))

    def totals(self) -> dict[str, Any]:
        return {
            "received": self._received, "distinct": self._distinct, "duplicated": self._duplicated,
            "refused": self._refused, "unmarked": self._unmarked,
            "link_bits": self.link.bucket.bits_total, "link_bits_per_s": self._context.knobs.bits_per_s,
        }  # fmt: skip

    async def _totals(self, request: web.Request) -> web.Response:
        return web.as_json(200, self.totals())

    async def _id(self, request: web.Request) -> web.Response:
        number = request.path.rpartition("/")[2]
        count = self._count_by_id.get(int(number), 0) if number.isdecimal() else 0
        return web.as_json(200, {"id": number, "count": count})

    async def _metrics(self, request: web.Request) -> web.Response:
        return web.as_metrics(self._registry)

    def _samples(self) -> Iterator[Sample]:
        yield Sample("sandbox_sink_received", "Messages that arrived", self._received, is_total=True)
        yield Sample("sandbox_sink_duplicated", "Arrivals beyond the first of an id", self._duplicated, is_total=True)
        yield Sample("sandbox_sink_refused", "Recipients refused", self._refused, is_total=True)
        yield Sample("sandbox_link_bits", "Bits let through the link", self.link.bucket.bits_total, is_total=True)
        capacity = self._context.knobs.bits_per_s
        yield Sample("sandbox_link_capacity_bits_per_second", "Bits a second that the link lets through", capacity)


async def main(context: Context) -> None:
    sink = Sink(context)
    at = context.instance.endpoint
    server = await asyncio.get_running_loop().create_server(
        lambda: SMTP(sink, hostname="mx.elsewhere.test", ident="elsewhere", timeout=3600), at.host, at.port
    )
    await sink.link.start()
    await sink.pages.start()
    context.ready.set()
    await context.stopping.wait()
    sink.link.close()
    server.close()
    await sink.pages.stop()
