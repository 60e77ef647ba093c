"""Own the doubt in our own speed: a prober that was late itself cannot say that a target was slow or silent.

A beat of the event loop every 50 ms shows when the loop, or the whole process, did not get to run. Lateness during a
check is time that the check was not looked after: an answer may have lain there all the while.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from datetime import UTC, datetime, timedelta

from monitors.probes import Check
from monitors.results import ProbeResult, Result

BEAT_S = 0.05
NOTICED_S = 0.02
"""Less is the ordinary jitter of a timer."""
LATE_S = 0.1
LATE_SHARE = 0.2
"""Of a timeout: a target that was silent for four fifths of it while we did listen was silent."""
CALM_AFTER = timedelta(seconds=60)
OVERLOADED = "prober_overloaded"
MEASURED_BY_TIME = {"slow", "timeout", "banner_slow", "unanswered"}
"""Reasons that are nothing but a clock's word. A refusal or a wrong answer stands, however late we read it."""


class Pulse:
    """Remembers the latenesses of the last while. `overloaded_since` is set until a minute has passed without one."""

    def __init__(self) -> None:
        self.overloaded_since: datetime | None = None
        self._overloaded_at: datetime | None = None
        self._stalls: deque[tuple[float, float]] = deque(maxlen=4_096)
        self._expected_s = 0.0
        self._handle: asyncio.TimerHandle | None = None

    def start(self) -> None:
        self._expected_s = time.monotonic() + BEAT_S
        self._handle = asyncio.get_running_loop().call_later(BEAT_S, self._beat)

    def stop(self) -> None:
        if self._handle is not None:
            self._handle.cancel()

    def _beat(self) -> None:
        now_s = time.monotonic()
        if now_s - self._expected_s > NOTICED_S:
            self._stalls.append((now_s, now_s - self._expected_s))
        self.start()

    def late_s(self, since_s: float) -> float:
        """How long the loop was held up since then, the present hold-up included. By the monotonic clock."""
        now_s = time.monotonic()
        total = min(max(now_s - self._expected_s, 0.0), now_s - since_s)
        for ended_s, late_s in reversed(self._stalls):
            if ended_s <= since_s:
                break
            total += min(late_s, ended_s - since_s)
        return total

    def believed(self, result: ProbeResult, check: Check, since_s: float) -> ProbeResult:
        """The result, or `unknown` where only our own lateness may speak from it."""
        if result.result not in (Result.FAIL, Result.WARN) or result.reason not in MEASURED_BY_TIME:
            return result
        late_s = self.late_s(since_s)
        limit_s = LATE_S if result.result is Result.WARN else max(LATE_S, LATE_SHARE * check.timeout_s)
        if late_s < limit_s:
            return result
        self._overloaded_at = datetime.now(UTC)
        self.overloaded_since = self.overloaded_since or self._overloaded_at
        sentence = f"Not measured: the prober was held up for {late_s * 1000:.0f} ms meanwhile. {result.sentence}"
        return ProbeResult(Result.UNKNOWN, OVERLOADED, sentence, said=result.said, details=result.details)

    def calm_down(self, now: datetime) -> None:
        if self._overloaded_at is not None and now - self._overloaded_at > CALM_AFTER:
            self.overloaded_since = self._overloaded_at = None
