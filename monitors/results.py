"""Own the words of measuring: the four results, the four verdicts, and what a probe returns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class Result(StrEnum):
    """What one observation says. `unknown` means that nothing was learnt, never that all is well."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    UNKNOWN = "unknown"


class Verdict(StrEnum):
    """What observations amount to after confirmation."""

    UP = "up"
    DEGRADED = "degraded"
    DOWN = "down"
    UNKNOWN = "unknown"


EVIDENCE_LIMIT_BYTES = 16_384
"""One evidence is cut here, so that a hostile server cannot fill the history."""


@dataclass(frozen=True, slots=True)
class ProbeResult:
    """One probe's answer, ready to be judged, stored as JSON and read by a tired person.

    `reason` is a stable code (`[a-z0-9_]+`), `sentence` the same for people, with the values that
    decided. `latency_ms` is None when nothing was reached. `phases_ms` keeps the order in which the
    phases happened. `said` is what the wire said, credentials redacted, or what makes that text: most
    successes are never read, and writing each down was up to a sixth of a check. `details` holds the
    rows that a kind keeps besides the observation (JSON only: it may wait in the spool).
    """

    result: Result
    reason: str
    sentence: str
    latency_ms: float | None = None
    phases_ms: Mapping[str, float] = field(default_factory=dict)
    said: str | Callable[[], str] | None = None
    details: Mapping[str, Any] | None = None

    @property
    def evidence(self) -> str | None:
        """The transcript, made anew at each call where it is not text yet."""
        return self.said() if callable(self.said) else self.said
