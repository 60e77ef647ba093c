"""Own the watch over the watchers: where no prober is left to say that nobody looks, the responder says it.

Probers judge the silence of their peers; when all of them are gone, rows would go on claiming their last verdict.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from monitors.engine.connections import DATABASE_GONE, connect, connection_parameters
from monitors.processes import first_line
from monitors.services.silence import settle_silent
from monitors.services.verdicts import Settled

LOOK_EVERY_S = 5.0
WITHIN_S = 10.0
"""A look that takes longer is given up: the round has a heart to beat."""

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Watchman:
    """`hearing_since`: by the monotonic clock, since when no look failed. What was not heard before is no silence."""

    hearing_since_s: float | None = None
    looked_at_s: float = -LOOK_EVERY_S

    def look(self) -> bool:
        """Settle what fell silent, every five seconds; whether anything was. A database that is gone is waited for."""
        now_s = time.monotonic()
        if now_s - self.looked_at_s < LOOK_EVERY_S:
            return False
        self.looked_at_s = now_s
        try:
            settled = asyncio.run(settled_silence(now_s - (self.hearing_since_s or now_s)))
        except DATABASE_GONE as error:
            log.warning("silence not judged, the database is gone", extra={"error": first_line(error)})
            self.hearing_since_s = None
            return False
        self.hearing_since_s = self.hearing_since_s or now_s
        if settled.monitors:
            log.warning("nobody looks at what was watched", extra={"monitors": len(settled.monitors)})
        return bool(settled.monitors)


async def settled_silence(heard_for_s: float) -> Settled:
    """A connection for each look: between two there is nothing to keep, and none that could have died unnoticed."""
    async with asyncio.timeout(WITHIN_S), await connect("responder", connection_parameters()) as connection:
        now = datetime.now(UTC)
        return await settle_silent(connection, now, now - timedelta(seconds=heard_for_s))
