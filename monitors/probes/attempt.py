"""Own one attempt of a dialogue probe: its phases, transcript and deadline, and how a fault becomes a result."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from time import perf_counter
from typing import Any

from monitors.evidence import Transcript, excerpt, redacted
from monitors.options import SecretError
from monitors.probes.faults import Fault, fault_of, resolver_silence
from monitors.probes.kind import Check
from monitors.results import ProbeResult, Result
from monitors.wire import WireError


@dataclass(frozen=True, slots=True)
class Remark:
    reason: str
    sentence: str


PHASE_WORDS = {
    "": "before anything happened",
    "dns": "while looking up the name",
    "tcp": "while connecting",
    "tls": "during the TLS handshake",
    "processing": "while waiting for the answer",
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
        "late",
        "phases_ms",
        "secrets",
        "timeout_result",
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
        self.late: Fault | None = None
        self.timeout_result = Result.FAIL
        self._started = self._began = perf_counter()
        self._phase = ""

    @property
    def left_s(self) -> float:
        """What is left of the check's time, never less than zero."""
        return max(0.0, self._started + self.check.timeout_s - perf_counter())

    @property
    def phase_words(self) -> str:
        return PHASE_WORDS.get(self._phase, f"in phase {self._phase}")

    def begin(self, phase: str) -> None:
        now = perf_counter()
        if self._phase:
            self._close_phase(now)
        self._phase = phase
        self._began = now

    def _close_phase(self, now: float) -> None:
        spent = (now - self._began) * 1000
        self.phases_ms[self._phase] = round(self.phases_ms.get(self._phase, 0.0) + spent, 3)

    def phase_ms(self, phase: str) -> float:
        return self.phases_ms.get(phase, 0.0)

    @property
    def total_ms(self) -> float:
        return (perf_counter() - self._started) * 1000

    def warn_if_slower_than(self, bound: timedelta | None) -> None:
        total_ms = self.total_ms
        if bound is not None and total_ms > bound.total_seconds() * 1000:
            self.warn("slow", f"took {total_ms:.0f} ms, expected under {bound.total_seconds() * 1000:.0f} ms")

    def warn(self, reason: str, sentence: str) -> None:
        self.warnings.append(Remark(reason, sentence))

    def succeed(self, sentence: str) -> ProbeResult:
        """The result of a dialogue that went well: `ok`, or `warn` with everything that was remarked on."""
        if self.warnings:
            said = "; ".join(warning.sentence for warning in self.warnings)
            return self._result(Result.WARN, self.warnings[0].reason, said)
        return self._result(Result.OK, "ok", sentence)

    def fail(self, fault: Fault) -> ProbeResult:
        self.transcript.remark(fault.sentence)
        return self._result(fault.result, fault.reason, fault.sentence)

    def time_out(self) -> ProbeResult:
        """The deadline has passed: `late`, if the dialogue left word of what it was waiting for."""
        if self._phase == "dns":
            return self.fail(resolver_silence(self.check.timeout_s))
        words = f"no answer within {self.check.timeout_s:g} s, {self.phase_words}"
        return self.fail(self.late or Fault("timeout", words, self.timeout_result))

    def _result(self, result: Result, reason: str, sentence: str) -> ProbeResult:
        now = perf_counter()
        if self._phase:
            self._close_phase(now)
            self._phase = ""
        return ProbeResult(
            result,
            reason,
            redacted(excerpt(sentence, 500), self.secrets),
            latency_ms=round((now - self._started) * 1000, 3) if self.is_reached else None,
            phases_ms=self.phases_ms,
            said=partial(self.transcript.text, tuple(self.secrets)),
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
    except TimeoutError as error:
        # The system's own ETIMEDOUT has an errno, our deadline has not.
        return attempt.fail(fault_of(error)) if error.errno else attempt.time_out()
    except (OSError, SecretError, WireError) as error:
        found = fault_of(error)
        return attempt.fail(Fault(found.reason, f"{found.sentence}, {attempt.phase_words}", found.result))
    except Exception as error:
        words = f"the probe itself failed: {type(error).__name__}: {error}"
        return attempt.fail(Fault("probe_error", words, Result.UNKNOWN))
