"""Own an SMTP instance: takes mail for everybody from who logged in, for its own domain from anybody."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Iterator
from email.parser import BytesHeaderParser
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from monitors.sandbox import metrics, web
from monitors.sandbox import plan as plans
from monitors.sandbox.child import Context
from monitors.sandbox.ledger import Ledger, LedgerError, Mail
from monitors.sandbox.metrics import Sample

SIZE_LIMIT = 1_000_000
IDLE_S = 300  # RFC 5321 section 4.5.3.2.7
TRY_LATER = "451 4.3.2 try again later"
HEADER_LIMIT = 998  # RFC 5322 section 2.1.1


class Submission:
    def __init__(self, context: Context) -> None:
        setup = context.setup
        self._context = context
        self._ledger = Ledger(setup.database_url, setup.schema, context.name)
        self._accepted = self._refused = self._failed = 0
        self._tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._choose_certificate()
        self.registry = metrics.registry(self._samples)
        context.on_change.append(self._choose_certificate)
        context.report = self._report

    def conversation(self) -> SMTP:
        """One connection's protocol. The name says which instance answered, as behind a real balancer."""
        return SMTP(
            self,
            hostname=f"{self._context.name}.{plans.DOMAIN}",
            ident="sandbox ESMTP",
            data_size_limit=SIZE_LIMIT,
            tls_context=self._tls,
            authenticator=_authenticate,
            timeout=IDLE_S,
        )

    def _choose_certificate(self) -> None:
        chain = self._context.setup.authority.smtp
        self._tls.load_cert_chain(chain.expired if self._context.knobs.is_expired else chain.valid)

    def _report(self) -> dict[str, Any]:
        return {"accepted": self._accepted, "refused": self._refused, "failed": self._failed}

    def _samples(self) -> Iterator[Sample]:
        mine = {"instance": self._context.name}
        yield Sample("sandbox_smtp_accepted", "Messages this process stored", self._accepted, True, mine)
        yield Sample("sandbox_smtp_refused", "Recipients refused", self._refused, True, mine)
        yield Sample("sandbox_smtp_failed", "Messages put off", self._failed, True, mine)
        yield Sample("sandbox_mode_epoch", "Epoch of the mode obeyed", self._context.mode.epoch, labels=mine)

    async def handle_EHLO(  # noqa: N802 - named by aiosmtpd, as are all below
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        await self._dawdle()
        session.host_name = hostname
        return responses

    async def handle_MAIL(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        await self._dawdle()
        if self._context.knobs.is_tempfailing:
            self._failed += 1
            return TRY_LATER
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(  # noqa: N802
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        refusal = self._refusal(address, is_known=bool(session.authenticated))
        if refusal is not None:
            self._refused += 1
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    def _refusal(self, address: str, *, is_known: bool) -> str | None:
        local, _, domain = address.lower().rpartition("@")
        if not local or domain.endswith(".invalid"):
            return "550 5.1.2 no such domain"
        if f"{local}@{domain}" == plans.BAD_RECIPIENT:
            return "550 5.1.1 no such user"
        if domain != plans.DOMAIN and not is_known:
            return "530 5.7.0 authentication required"
        return None

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        await self._dawdle()
        assert isinstance(envelope.content, bytes)
        try:
            number = await self._ledger.accept(_mail(envelope, envelope.content))
        except LedgerError:
            self._failed += 1
            return TRY_LATER
        self._accepted += 1
        return f"250 2.0.0 OK: queued as {number}"

    async def _dawdle(self) -> None:
        if self._context.knobs.slow_s:
            await asyncio.sleep(self._context.knobs.slow_s)

    async def close(self) -> None:
        await self._ledger.close()


def _authenticate(server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any) -> AuthResult:
    expected = LoginPassword(plans.SMTP_USER.encode(), plans.SMTP_PASSWORD.encode())
    return AuthResult(success=data == expected, handled=False)


def _mail(envelope: Envelope, content: bytes) -> Mail:
    # NUL is legal nowhere in mail and in no text column: it is dropped rather than answered with a crash.
    headers = BytesHeaderParser().parsebytes(content)
    subject, tag = (str(headers.get(name, ""))[:HEADER_LIMIT].replace("\0", "") for name in ("subject", "x-tag"))
    recipients = [str(address) for address in envelope.rcpt_tos]
    return Mail(envelope.mail_from or "", recipients, subject, content, "smtp", tag)


async def main(context: Context) -> None:
    submission = Submission(context)
    at = context.instance.endpoint
    server = await asyncio.get_running_loop().create_server(submission.conversation, at.host, at.port)
    pages = web.metrics_service(context.instance.metrics, submission.registry)
    await pages.start()
    context.ready.set()
    await context.stopping.wait()
    server.close()
    await pages.stop()
    await submission.close()
