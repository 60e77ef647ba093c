"""Own one attempt of a dialogue probe: its phases, transcript and deadline, and how a fault becomes a result."""

from __future__ import annotations

import asyncio
import errno
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from monitors.evidence import Transcript, excerpt
from monitors.options import SecretError
from monitors.probes.kind import Check
from monitors.results import ProbeResult, Result


class Fault(Exception):  # noqa: N818 - the target's fault, not an error of ours
    """The probe found what is wrong: a reason code and a sentence for people.

    Result `unknown` is for faults of our own (no resolver, no route, secret not readable): they say
    nothing about the target.
    """

    def __init__(self, reason: str, sentence: str, result: Result = Result.FAIL) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.sentence = sentence
        self.result = result


@dataclass(frozen=True, slots=True)
class Remark:
    reason: str
    sentence: str


PHASE_WORDS = {
    "dns": "looking up the name",
    "tcp": "connecting",
    "tls": "during the TLS handshake",
    "processing": "waiting for the answer",
    "transfer": "while the answer was coming in",
}


class Attempt:
    """The state of one running check. `begin` ends the phase before; a phase cut short keeps its time."""

    __slots__ = (
        "_began",
        "_phase",
        "_started",
        "check",
        "details",
        "is_reached",
        "phases_ms",
        "secrets",
        "transcript",
        "warnings",
    )

    def __init__(self, check: Check) -> None:
        self.check = check
        self.phases_ms: dict[str, float] = {}
        self.transcript = Transcript()
        self.warnings: list[Remark] = []
        self.secrets: list[str] = []
        self.details: dict[str, Any] = {}
        self.is_reached = False
        self._started = self._began = perf_counter()
        self._phase = ""

    def begin(self, phase: str) -> None:
        now = perf_counter()
        if self._phase:
            self._close_phase(now)
        self._phase = phase
        self._began = now

    def _close_phase(self, now: float) -> None:
        spent = round((now - self._began) * 1000, 3)
        self.phases_ms[self._phase] = round(self.phases_ms.get(self._phase, 0.0) + spent, 3)

    def warn(self, reason: str, sentence: str) -> None:
        self.warnings.append(Remark(reason, sentence))

    def succeed(self, sentence: str) -> ProbeResult:
        if self.warnings:
            said = "; ".join(warning.sentence for warning in self.warnings)
            return self._result(Result.WARN, self.warnings[0].reason, said)
        return self._result(Result.OK, "ok", sentence)

    def fail(self, fault: Fault) -> ProbeResult:
        self.transcript.remark(fault.sentence)
        return self._result(fault.result, fault.reason, fault.sentence)

    def time_out(self) -> ProbeResult:
        doing = PHASE_WORDS.get(
            self._phase, f"waiting in phase {self._phase}" if self._phase else "before anything happened"
        )
        return self.fail(Fault("timeout", f"no answer within {self.check.timeout_s:g} s, {doing}"))

    def _result(self, result: Result, reason: str, sentence: str) -> ProbeResult:
        now = perf_counter()
        if self._phase:
            self._close_phase(now)
            self._phase = ""
        return ProbeResult(
            result,
            reason,
            excerpt(sentence, 500),
            latency_ms=round((now - self._started) * 1000, 3) if self.is_reached else None,
            phases_ms=self.phases_ms,
            evidence=self.transcript.text(self.secrets),
            details=self.details or None,
        )


async def attempted(check: Check, dialogue: Callable[[Attempt], Awaitable[ProbeResult]]) -> ProbeResult:
    """Run the dialogue under the check's deadline; whatever happens is a result."""
    attempt = Attempt(check)
    try:
        async with asyncio.timeout(check.timeout_s):
            return await dialogue(attempt)
    except Fault as fault:
        return attempt.fail(fault)
    except TimeoutError:
        return attempt.time_out()
    except (OSError, SecretError) as error:
        return attempt.fail(fault_of(error))
    except Exception as error:
        return attempt.fail(
            Fault("probe_error", f"the probe itself failed: {type(error).__name__}: {error}", Result.UNKNOWN)
        )


FAULT_BY_ERRNO = {
    errno.ECONNREFUSED: ("refused", "the connection was refused", Result.FAIL),
    errno.ECONNRESET: ("reset", "the connection was reset by the other side", Result.FAIL),
    errno.EPIPE: ("reset", "the connection was reset by the other side", Result.FAIL),
    errno.ECONNABORTED: ("reset", "the connection was reset by the other side", Result.FAIL),
    errno.ETIMEDOUT: ("timeout", "the connection timed out", Result.FAIL),
    errno.EHOSTUNREACH: ("host_unreachable", "the host cannot be reached", Result.FAIL),
    errno.ENETUNREACH: ("no_route", "this prober has no route to the address", Result.UNKNOWN),
    errno.EADDRNOTAVAIL: ("no_route", "this prober has no address to connect from", Result.UNKNOWN),
    errno.EAFNOSUPPORT: ("no_route", "this prober does not speak the address family", Result.UNKNOWN),
    errno.EMFILE: ("prober_exhausted", "this prober has no file descriptors left", Result.UNKNOWN),
    errno.ENFILE: ("prober_exhausted", "this prober has no file descriptors left", Result.UNKNOWN),
}


def fault_of(error: OSError | SecretError) -> Fault:
    """The operating system's words, told apart as refused, reset, unreachable, not found or our own trouble."""
    if isinstance(error, SecretError):
        return Fault("secret_missing", f"a secret cannot be read: {error}", Result.UNKNOWN)
    if isinstance(error, socket.gaierror):
        return name_fault(error, "the host name")
    known = FAULT_BY_ERRNO.get(error.errno or 0)
    if known is None:
        return Fault("connection_failed", f"the connection failed: {error.strerror or error}")
    return Fault(*known)


# A name that does not exist is the target's fault; a resolver that gives no answer is ours, and tells nothing.
NAME_NOT_FOUND = {socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)}


def name_fault(error: socket.gaierror, name: str) -> Fault:
    if error.errno in NAME_NOT_FOUND:
        return Fault("name_not_found", f"{name} does not resolve to an address")
    return Fault("resolver_failed", f"our resolver could not look up {name}: {error.strerror}", Result.UNKNOWN)
