"""Own the `smtp` kind: the whole dialogue up to RCPT, each phase timed, every way to fail told apart."""

from __future__ import annotations

import asyncio
import base64
import ssl

from monitors.certificates import Certificate, leaf_of
from monitors.probes.attempt import Attempt, attempted
from monitors.probes.faults import Fault
from monitors.probes.kind import Check, Kind
from monitors.probes.opening import open_wire, secure
from monitors.probes.smtp.options import SmtpOptions
from monitors.probes.smtp.replies import Reply, read_reply
from monitors.results import ProbeResult, Result
from monitors.wire import Wire, WireError

QUIT_PATIENCE_S = 1.0
"""A server that does not say goodbye has done all that mattered."""


class Dialogue:
    """One conversation. `step` says a line and reads the reply, as a phase of its own."""

    __slots__ = ("attempt", "extensions", "options", "wire")

    def __init__(self, attempt: Attempt, options: SmtpOptions, wire: Wire) -> None:
        self.attempt = attempt
        self.options = options
        self.wire = wire
        self.extensions: frozenset[str] = frozenset()

    async def step(self, phase: str, line: str, shown: str | None = None) -> Reply:
        self.attempt.begin(phase)
        self.attempt.transcript.sent(shown or line)
        self.wire.send(f"{line}\r\n".encode())
        return await read_reply(self.wire, self.attempt.transcript)

    async def demand(self, phase: str, line: str, shown: str | None = None) -> Reply:
        """A step that must be answered with 2xx. Raises Fault: 4xx only warns, for it asks to come again."""
        reply = await self.step(phase, line, shown)
        if not reply.is_positive:
            raise refusal(reply, shown or line)
        return reply

    async def open(self) -> None:
        options = self.options
        if options.is_implicit_tls:
            await self.shake()
        await self.banner()
        self.extensions = (await self.greet("ehlo")).extensions()
        if not options.is_implicit_tls and options.starttls != "off":
            await self.start_tls()

    async def banner(self) -> None:
        attempt = self.attempt
        attempt.begin("banner")
        reply = await read_reply(self.wire, attempt.transcript)
        if reply.code != 220:
            raise Fault("smtp_not_accepting", f"the server greets with {reply}")
        attempt.details["banner"] = reply.lines[0][:200]

    async def greet(self, phase: str) -> Reply:
        return await self.demand(phase, f"EHLO {self.options.greeting_name}")

    async def start_tls(self) -> None:
        if "STARTTLS" not in self.extensions:
            if self.options.starttls == "required":
                raise Fault("starttls_missing", "the server does not offer STARTTLS")
            return
        reply = await self.step("starttls", "STARTTLS")
        if reply.code != 220:
            raise Fault("starttls_refused", f"STARTTLS was answered with {reply}")
        await self.shake()
        # RFC 3207 section 4.2: what was said before TLS no longer counts. STARTTLS itself is gone by now, and rightly.
        self.extensions = (await self.greet("ehlo_tls")).extensions() | {"STARTTLS"}

    async def shake(self) -> None:
        async def read_leaf(context: ssl.SSLContext) -> Certificate | None:
            return await presented_leaf(self.attempt, self.options, context)

        await secure(self.attempt, self.wire, self.options, read_leaf)

    async def authenticate(self) -> None:
        auth = self.options.auth
        if auth is None:
            return
        password = auth.password.reveal()
        self.attempt.secrets += [password, f"\0{auth.user}\0{password}"]
        if auth.mechanism == "plain":  # RFC 4616
            token = base64.b64encode(f"\0{auth.user}\0{password}".encode()).decode()
            reply = await self.step("auth", f"AUTH PLAIN {token}", "AUTH PLAIN [redacted]")
        else:
            reply = await self.step("auth", "AUTH LOGIN")
            for word in (auth.user, password):
                if reply.code == 334:
                    reply = await self.step("auth", base64.b64encode(word.encode()).decode(), "[redacted]")
        if reply.code != 235:  # RFC 4954 section 6; 454 is temporary
            result = Result.WARN if 400 <= reply.code < 500 else Result.FAIL
            raise Fault("auth_failed", f"signing in as {auth.user} was answered with {reply}", result)

    async def try_recipients(self) -> None:
        options = self.options
        if not options.canary and not options.known_bad:
            return
        await self.demand("mail", f"MAIL FROM:<{options.mail_from}>")
        if options.canary:
            await self.demand("rcpt", f"RCPT TO:<{options.canary}>")
        if options.known_bad:
            reply = await self.step("rcpt_bad", f"RCPT TO:<{options.known_bad}>")
            if reply.is_positive:
                raise Fault("open_relay", f"the server accepts {options.known_bad}, which it must refuse: {reply}")
        await self.demand("rset", "RSET")

    async def leave(self) -> None:
        try:
            async with asyncio.timeout(min(QUIT_PATIENCE_S, self.attempt.left_s / 2)):
                await self.step("quit", "QUIT")
        except (TimeoutError, WireError, ConnectionError):
            self.attempt.transcript.remark("no goodbye")

    def remark(self) -> None:
        """Note what is not wrong yet: slow, or an extension gone that the baseline has."""
        attempt, options = self.attempt, self.options
        banner_ms, bound_ms = attempt.phase_ms("banner"), options.banner_under.total_seconds() * 1000
        if banner_ms > bound_ms:
            attempt.warn("banner_slow", f"the banner came after {banner_ms:.0f} ms, expected under {bound_ms:.0f} ms")
        if lost := sorted(set(options.extensions) - self.extensions):
            attempt.warn("extension_lost", f"the server no longer offers {', '.join(lost)}")
        attempt.warn_if_slower_than(options.under)
        attempt.details["extensions"] = sorted(self.extensions)


def refusal(reply: Reply, line: str) -> Fault:
    sentence = f"{line} was answered with {reply}"
    if 400 <= reply.code < 500:
        return Fault("smtp_4xx", sentence, Result.WARN)
    return Fault("smtp_5xx" if reply.code >= 500 else "smtp_protocol", sentence)


async def presented_leaf(attempt: Attempt, options: SmtpOptions, context: ssl.SSLContext) -> Certificate | None:
    """The certificate that a server shows to someone who trusts everyone. Raises Fault, OSError, WireError."""
    second = Attempt(attempt.check)  # its phases and transcript would only confuse
    wire = await open_wire(second, options)
    try:
        dialogue = Dialogue(second, options, wire)
        if not options.is_implicit_tls:
            await dialogue.banner()
            await dialogue.greet("ehlo")
            await dialogue.demand("starttls", "STARTTLS")
        await wire.start_tls(context, options.tls_name)
        return leaf_of(wire.tls)
    finally:
        wire.close()


async def converse(attempt: Attempt) -> ProbeResult:
    options: SmtpOptions = attempt.check.options
    wire = await open_wire(attempt, options)
    try:
        dialogue = Dialogue(attempt, options, wire)
        await dialogue.open()
        await dialogue.authenticate()
        await dialogue.try_recipients()
        await dialogue.leave()
    finally:
        wire.close()
    dialogue.remark()
    said = "accepts the canary" if options.canary else "answers"
    return attempt.succeed(f"{said} in {attempt.total_ms:.0f} ms")


async def run(check: Check) -> ProbeResult:
    return await attempted(check, converse)


KIND = Kind("smtp", SmtpOptions, run, host=lambda options: options.target_host)
