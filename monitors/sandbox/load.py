"""Own the customers: a load that never stops, by API and SMTP, with a peak at the top of every (short) hour."""

from __future__ import annotations

import asyncio
import random
import ssl
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from typing import Any, Literal

import dns.asyncquery
import dns.exception
import dns.message

from monitors.sandbox import metrics, web
from monitors.sandbox.child import Context
from monitors.sandbox.http_client import HttpClient
from monitors.sandbox.metrics import Sample
from monitors.sandbox.plan import API_NAME, DOMAIN, SMTP_NAME, SMTP_PASSWORD, SMTP_USER, Endpoint
from monitors.sandbox.smtp_client import SmtpClient

PEAK_RATIO = 0.1  # the first tenth of an hour
PEAK_FACTOR = 2.5
REST_FACTOR = (1 - PEAK_RATIO * PEAK_FACTOR) / (1 - PEAK_RATIO)  # so that the mean over an hour is the rate
SMTP_RATIO = 0.3
BOUNCE_RATIO = 0.01
MOST_AT_ONCE = 60  # more customers than that waiting means that the rest give up: bounded, whatever breaks
ASK_EVERY_S = 0.5
FIRST_ASK_EVERY_S = 0.05
ANSWERS_KEPT = 12  # customers with answers in their caches; the oldest answer goes first
HELLO = f"customer.{DOMAIN}"
TEXT = "Your order is on its way. Thank you for buying from us, and do tell us how you like it.\n" * 24


def factor(at_s: float, hour_s: float) -> float:
    """How much of the mean rate is due at this moment of the compressed hour."""
    return PEAK_FACTOR if (at_s % hour_s) / hour_s < PEAK_RATIO else REST_FACTOR


class Load:
    def __init__(self, context: Context) -> None:
        self._context = context
        self._plan = context.setup.plan
        self._tls = ssl.create_default_context(cafile=context.setup.authority.ca_file)
        self._pool: deque[str] = deque(maxlen=ANSWERS_KEPT)
        self._idle_http: dict[Endpoint, list[HttpClient]] = {}
        self._idle_smtp: dict[Endpoint, list[SmtpClient]] = {}
        self._busy: set[asyncio.Task[None]] = set()
        self._counts = dict.fromkeys(("attempted", "accepted", "failed", "given_up"), 0)
        self._chance = random.Random()  # noqa: S311 - a customer's whim, no secret
        self.registry = metrics.registry(self._samples)
        context.report = lambda: dict(self._counts)

    def _samples(self) -> Iterator[Sample]:
        for name, value in self._counts.items():
            yield Sample(
                f"sandbox_load_{name}", f"Messages {name.replace('_', ' ')} by customers", value, is_total=True
            )

    async def ask_forever(self) -> None:
        """Keep the customers' DNS caches turning. Without an answer they go on with what they have."""
        query = dns.message.make_query(API_NAME, "A")
        servers = self._plan.name_servers
        while True:
            server = self._chance.choice(servers)
            with suppress(OSError, dns.exception.DNSException):
                reply = await dns.asyncquery.udp(query, server.host, 1.0, server.port)
                self._pool.extend(rdata.to_text() for rrset in reply.answer for rdata in rrset)
            await asyncio.sleep(ASK_EVERY_S if len(self._pool) == ANSWERS_KEPT else FIRST_ASK_EVERY_S)

    async def run(self) -> None:
        rate, hour_s = self._context.setup.rate, self._context.setup.hour_s
        due = time.monotonic()
        while not self._context.stopping.is_set():
            due += self._chance.expovariate(rate * factor(time.time(), hour_s))
            if (wait := due - time.monotonic()) > 0:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._context.stopping.wait(), wait)
            elif wait < -1:
                due = time.monotonic()  # the process was frozen: what was not sent then is not made good now
            self._let_one_go()

    def _let_one_go(self) -> None:
        self._counts["attempted"] += 1
        if len(self._busy) >= MOST_AT_ONCE:
            self._counts["given_up"] += 1
            return
        task = asyncio.create_task(self._send())
        self._busy.add(task)
        task.add_done_callback(self._busy.discard)

    async def _send(self) -> None:
        """One message, tried at a second instance when the first does not take it."""
        way: Literal["smtp", "api"] = "smtp" if self._chance.random() < SMTP_RATIO else "api"
        message = self._message()
        for _ in range(2):
            try:
                is_taken = await (self._by_smtp(message) if way == "smtp" else self._by_api(message))
            except OSError:
                continue
            if is_taken:
                self._counts["accepted"] += 1
                return
        self._counts["failed"] += 1

    def _message(self) -> dict[str, Any]:
        whom = "bounce" if self._chance.random() < BOUNCE_RATIO else f"reader{self._chance.randrange(1000)}"
        text = TEXT[: self._chance.randrange(100, len(TEXT))]
        subject = f"Order {self._chance.randrange(100_000)}"
        return {"from": f"shop@{DOMAIN}", "to": [f"{whom}@elsewhere.test"], "subject": subject, "text": text}

    async def _by_api(self, message: dict[str, Any]) -> bool:
        at = self._api_endpoint()
        idle = self._idle_http.setdefault(at, [])
        client = idle.pop() if idle else await HttpClient.connect(at.host, at.port, self._tls, API_NAME)
        try:
            status = await client.post("/email", message)
        except OSError:
            client.close()
            raise
        idle.append(client)
        return status == 200

    def _api_endpoint(self) -> Endpoint:
        """Where DNS sends this customer; without an answer so far, anywhere."""
        every = [one.endpoint for one in self._plan.role("api")]
        host = self._chance.choice(self._pool) if self._pool else None
        return self._chance.choice([at for at in every if at.host == host] or every)

    async def _by_smtp(self, message: dict[str, Any]) -> bool:
        at = self._chance.choice(self._plan.role("smtp")).endpoint
        idle = self._idle_smtp.setdefault(at, [])
        client = idle.pop() if idle else await self._logged_in(at)
        content = f"From: {message['from']}\nTo: {message['to'][0]}\nSubject: {message['subject']}\n\n{message['text']}"
        try:
            reply = await client.send(message["from"], message["to"], content.encode())
        except OSError:
            client.close()
            raise
        idle.append(client)
        return reply.is_good

    async def _logged_in(self, at: Endpoint) -> SmtpClient:
        client = await SmtpClient.connect(at.host, at.port, HELLO)
        await client.secure(self._tls, SMTP_NAME, HELLO)
        await client.log_in(SMTP_USER, SMTP_PASSWORD)
        return client

    async def rest(self) -> None:
        if self._busy:
            await asyncio.wait(self._busy, timeout=1)


async def main(context: Context) -> None:
    load = Load(context)
    pages = web.metrics_service(context.instance.metrics, load.registry)
    await pages.start()
    context.ready.set()
    if context.setup.rate > 0:
        asking = asyncio.create_task(load.ask_forever())
        await load.run()
        asking.cancel()
        await load.rest()
    else:
        await context.stopping.wait()
    await pages.stop()
