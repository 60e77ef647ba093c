"""Own the zone's contents. Pure: the plan and the keys in, records out."""

from __future__ import annotations

POOL_WEIGHTS = (2, 2, 1)
