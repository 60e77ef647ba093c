"""Own the authoritative name servers of the zone, on UDP and TCP, and the MTA-STS policy beside them."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any, cast

from monitors.sandbox import answers, metrics, web, zone
from monitors.sandbox.child import Context
from monitors.sandbox.metrics import Sample

TCP_IDLE_S = 10.0
BURST_BYTES = 1 << 20  # a pool is measured by hundreds of questions at once; the kernel gives what it may
Answer = Callable[[bytes, bool], bytes | None]


class NameServer:
    """One address of the service, with an index that tells the second from the first."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer

    async def start(self, host: str, port: int) -> None:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(lambda: _Datagrams(self._answer), local_addr=(host, port))
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, BURST_BYTES)
        await asyncio.start_server(self._converse, host, port)

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Questions on one connection, each behind its length (RFC 1035 section 4.2.2)."""
        with suppress(OSError, asyncio.IncompleteReadError):
            while True:
                async with asyncio.timeout(TCP_IDLE_S):
                    size = int.from_bytes(await reader.readexactly(2), "big")
                    wire = await reader.readexactly(size)
                if (reply := self._answer(wire, False)) is not None:
                    writer.write(len(reply).to_bytes(2, "big") + reply)
                    await writer.drain()
        writer.close()


class _Datagrams(asyncio.DatagramProtocol):
    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str | Any, int]) -> None:
        reply = self._answer(data, True)
        if reply is not None and self._transport is not None:
            self._transport.sendto(reply, addr)


class Dns:
    def __init__(self, context: Context) -> None:
        self._context = context
        setup = context.setup
        self._zone = zone.build(setup.plan, setup.authority.dkim_public)
        self._asked: Counter[str] = Counter()
        self._silent = 0
        self.registry = metrics.registry(self._samples)
        routes: dict[tuple[str, str], web.Route] = {("GET", "/.well-known/mta-sts.txt"): self._policy}
        self.policy = web.Service(web.App(routes), setup.plan.policy, setup.authority.policy.valid)
        context.on_change.append(self._choose_certificate)
        context.report = self._report

    def answers_as(self, server: int) -> Answer:
        def answer(wire: bytes, is_udp: bool) -> bytes | None:
            knobs = self._context.knobs
            reply = answers.answer(self._zone, wire, knobs.records, knobs.weights, is_udp=is_udp, server=server)
            self._asked["udp" if is_udp else "tcp"] += 1
            self._silent += reply is None
            return reply

        return answer

    async def _policy(self, request: web.Request) -> web.Response:
        return web.as_text(200, zone.policy(self._context.setup.plan))

    def _choose_certificate(self) -> None:
        chain = self._context.setup.authority.policy
        assert self.policy.tls is not None
        self.policy.tls.load_cert_chain(chain.expired if self._context.knobs.is_expired else chain.valid)

    def _report(self) -> dict[str, Any]:
        return {"asked": self._asked.total(), "silent": self._silent}

    def _samples(self) -> Iterator[Sample]:
        for transport in ("udp", "tcp"):
            labels = {"transport": transport}
            yield Sample("sandbox_dns_queries", "Queries taken", self._asked[transport], True, labels)
        yield Sample("sandbox_dns_unanswered", "Queries left without an answer", self._silent, is_total=True)


async def main(context: Context) -> None:
    service = Dns(context)
    for number, at in enumerate(context.setup.plan.name_servers):
        await NameServer(service.answers_as(number)).start(at.host, at.port)
    pages = web.metrics_service(context.instance.metrics, service.registry)
    await service.policy.start()
    await pages.start()
    context.ready.set()
    await context.stopping.wait()
    await service.policy.stop()
    await pages.stop()
