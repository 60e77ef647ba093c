"""Own the question when a changed record counts as changed: servers agree, or the old answer has expired. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

Values = tuple[str, ...]

TTL_UNKNOWN_S = 3600
"""Waited for when no time to live was ever seen: what most zones use."""
TTL_WAIT_LIMIT_S = 2 * 86_400
"""Resolvers cap what they keep at a day or two, so waiting longer proves nothing more."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What is held to be published, and what has been seen instead since `pending_at`."""

    values: Values | None = None
    ttl_s: int | None = None
    pending: Values | None = None
    pending_at: datetime | None = None
    pending_until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Confirmed:
    before: Values
    after: Values
    seen_at: datetime
    confirmed_at: datetime
    confirmed_by: str


def watch(
    standing: Standing, seen: Values, ttl_s: int | None, now: datetime, *, is_agreed: bool
) -> tuple[Standing, Confirmed | None]:
    """The next standing after a record was seen, and the change if it is confirmed by that.

    The first sight is the basis and no change. A return to the basis forgets what was pending: during a
    roll-out, and behind a load-balanced resolver, old and new answers alternate.
    """
    if standing.values is None or seen == standing.values:
        # Resolvers count down: the longest seen is nearest to what the zone says.
        longest = max(ttl_s or 0, standing.ttl_s or 0) if standing.values is not None else ttl_s
        return Standing(seen, longest or None), None
    if seen != standing.pending:
        wait_s = min(standing.ttl_s or TTL_UNKNOWN_S, TTL_WAIT_LIMIT_S)
        standing = replace(standing, pending=seen, pending_at=now, pending_until=now + timedelta(seconds=wait_s))
    assert standing.pending_at is not None
    assert standing.pending_until is not None
    if not is_agreed and now < standing.pending_until:
        return standing, None
    by = "servers" if is_agreed else "ttl"
    return Standing(seen, ttl_s), Confirmed(standing.values or (), seen, standing.pending_at, now, by)
