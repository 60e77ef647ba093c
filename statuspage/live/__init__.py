"""Own live delivery: what changed in the database reaches every open board, rendered once for all of them.

    NOTIFY -> listening -> Hub: feeds render frames in one thread -> Seat (newest frame of each kind) -> socket

No channel layer and no other server take part: every web process listens for itself.
"""

from __future__ import annotations

from statuspage.live.feed import Feed, StaleError
from statuspage.live.hub import Hub
from statuspage.live.seat import Close, Seat, Visitor

__all__ = ["Close", "Feed", "Hub", "Seat", "StaleError", "Visitor"]
