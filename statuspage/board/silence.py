"""Own the knowledge that nobody measures: what is on the board then is the last known, and says so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from monitors.processes import ALIVE_WITHIN
from monitors.selectors.components import measured_at

NEVER_MEASURED = "no prober has reported yet"
REASON = "no prober reports"


@dataclass(frozen=True, slots=True)
class Silence:
    """`since` is None where no prober ever reported."""

    since: datetime | None
    reason: str


def silence(now: datetime) -> Silence | None:
    """None while a prober lives. One query."""
    beat_at = measured_at()
    if beat_at is None:
        return Silence(None, NEVER_MEASURED)
    return Silence(beat_at, REASON) if now - beat_at > ALIVE_WITHIN else None
