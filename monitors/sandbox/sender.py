"""Own a sender: claims waiting mail, hands it over by SMTP through the link, writes down what became of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import Any

from monitors.sandbox import metrics, web
from monitors.sandbox.child import Context
from monitors.sandbox.ledger import Claimed, Ledger, LedgerError, Outcome
from monitors.sandbox.metrics import Sample
from monitors.sandbox.plan import DOMAIN
from monitors.sandbox.schema import CONSUMER_TTL_S
from monitors.sandbox.smtp_client import SmtpClient

BATCH = 10
IDLE_S = 0.2
BEAT_EVERY_S = 2.0
RETRY_DATABASE_S = 0.5
LONGEST_RETRY_S = 60.0


class Sender:
    def __init__(self, context: Context) -> None:
        setup = context.setup
        self._context = context
        self._ledger = Ledger(setup.database_url, setup.schema, context.name)
        self._client: SmtpClient | None = None
        self._sent = self._bounced = self._deferred = self._in_flight = self._duplicated = 0
        self._beat_at = time.monotonic()
        self._trouble = ""
        self.registry = metrics.registry(self._samples)
        context.report = self._report

    def _report(self) -> dict[str, Any]:
        return {
            "sent": self._sent, "bounced": self._bounced, "deferred": self._deferred, "in_flight": self._in_flight,
            "trouble": self._trouble,
        }  # fmt: skip

    def _samples(self) -> Iterator[Sample]:
        mine = {"instance": self._context.name}
        yield Sample("sandbox_sender_sent", "Messages this process handed over", self._sent, True, mine)
        yield Sample("sandbox_sender_bounced", "Messages refused for good", self._bounced, True, mine)
        yield Sample("sandbox_sender_deferred", "Hand-overs put off", self._deferred, True, mine)
        yield Sample("sandbox_sender_in_flight", "Messages claimed now", self._in_flight, labels=mine)
        yield Sample("sandbox_mode_epoch", "Epoch of the mode obeyed", self._context.mode.epoch, labels=mine)

    @property
    def _may_send(self) -> bool:
        return (self._context.mode.sends or self._context.knobs.ignores_mode) and not self._context.stopping.is_set()

    async def beat_forever(self) -> None:
        while True:
            with suppress(LedgerError):
                await self._ledger.beat()
                self._beat_at = time.monotonic()
                await self._ledger.release_orphans()
            await asyncio.sleep(BEAT_EVERY_S)

    async def work(self) -> None:
        with suppress(LedgerError):
            await self._ledger.release_own()
        while not self._context.stopping.is_set():
            try:
                found = self._may_send and await self._round()
            except LedgerError as error:
                self._trouble, found = str(error), False
            if not found:
                await self._pause(IDLE_S)

    async def leave(self) -> None:
        with suppress(LedgerError):
            await self._ledger.leave()
        await self._ledger.close()

    async def _round(self) -> bool:
        """Claim a batch and see it through; False when there was nothing to do."""
        batch = await self._ledger.claim(BATCH)
        self._in_flight = len(batch)
        try:
            if batch:
                self._trouble = ""
                await self._hold_while_stuck()
                before = self._duplicated
                outcomes = await self._hand_over_all(batch)
                await self._write_down(outcomes, self._duplicated - before)
        finally:
            self._in_flight = 0
        return bool(batch)

    async def _hold_while_stuck(self) -> None:
        while self._context.knobs.is_stuck and not self._context.stopping.is_set():
            await self._pause(IDLE_S)

    async def _hand_over_all(self, batch: Sequence[Claimed]) -> list[Outcome]:
        try:
            suppressed = await self._ledger.suppressed([address for mail in batch for address in mail.recipients])
        except LedgerError as error:
            self._trouble = f"suppression list unreadable: {error}"
            return [Outcome(mail.id, "accepted", self._trouble, RETRY_DATABASE_S) for mail in batch]
        return [await self._hand_over(mail, suppressed) for mail in batch]

    async def _hand_over(self, mail: Claimed, suppressed: set[str]) -> Outcome:
        # After a long stop (a hang) others have taken our claims back: to go on would send them twice.
        if not self._may_send or time.monotonic() - self._beat_at > CONSUMER_TTL_S:
            return Outcome(mail.id, "accepted")
        recipients = [address for address in mail.recipients if address not in suppressed]
        if not recipients:
            return Outcome(mail.id, "bounced", "suppressed")
        if self._context.knobs.slow_s:
            await self._pause(self._context.knobs.slow_s)
        outcome = await self._attempt(mail, recipients)
        if outcome.state == "sent" and self._context.duplicates > 0:
            # Counted here: an order that arrives while a batch is under way would hide in a difference of what is left.
            self._context.duplicates -= 1
            self._duplicated += 1
            await self._attempt(mail, recipients)
        return outcome

    async def _attempt(self, mail: Claimed, recipients: list[str]) -> Outcome:
        content = f"X-Sandbox-Id: {mail.id}\r\n".encode() + mail.content
        try:
            client = self._client = self._client or await self._connect()
            reply = await client.send(mail.sender, recipients, content)
        except OSError as error:  # a time-out is one too
            self._hang_up()
            return Outcome(mail.id, "accepted", f"{type(error).__name__}: {error}", RETRY_DATABASE_S)
        if reply.is_good:
            return Outcome(mail.id, "sent")
        reason = f"{reply.code} {reply.text}"
        if reply.is_final:
            return Outcome(mail.id, "bounced", reason)
        return Outcome(mail.id, "accepted", reason, min(2.0**mail.attempts, LONGEST_RETRY_S))

    async def _connect(self) -> SmtpClient:
        plan = self._context.setup.plan
        source = plan.egress_of(self._context.name)
        greeting = f"out{plan.egress.index(source) + 1}.{DOMAIN}"
        return await SmtpClient.connect(plan.link.host, plan.link.port, greeting, source)

    def _hang_up(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    async def _write_down(self, outcomes: Sequence[Outcome], extra: int) -> None:
        """Persist until the database takes it: forgetting that mail went out would send it again."""
        while True:
            try:
                await self._ledger.finish(outcomes, extra)
                break
            except LedgerError as error:
                self._trouble = str(error)
                await asyncio.sleep(RETRY_DATABASE_S)
        states = [outcome.state for outcome in outcomes]
        self._sent += states.count("sent") + extra
        self._bounced += states.count("bounced")
        self._deferred += states.count("accepted")

    async def _pause(self, seconds: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._context.stopping.wait(), seconds)


async def main(context: Context) -> None:
    sender = Sender(context)
    pages = web.metrics_service(context.instance.metrics, sender.registry)
    await pages.start()
    beating = asyncio.create_task(sender.beat_forever())
    context.ready.set()
    await sender.work()
    beating.cancel()
    await sender.leave()
    await pages.stop()
