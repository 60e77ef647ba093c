"""Own when a monitor is due (pure): a grid of slots per watch, in whole microseconds since the Unix epoch.

The epoch counts neither time zones nor leap seconds, so daylight saving and leap days cannot move a slot. Whole
microseconds make two probers that know nothing of each other compute the same slot, which is what keeps one
observation from being stored twice.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import blake2b

SECOND_US = 1_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)
RECHECK_SHARE = 20
"""An unconfirmed change is looked at again after a twentieth of the interval ..."""
RECHECK_MIN_US = 1 * SECOND_US
RECHECK_MAX_US = 5 * SECOND_US
"""... but not within one second (the same hiccup), nor later than five (a person is waiting)."""
PUNCTUAL_US = 1 * SECOND_US
"""A check that starts within this after its slot is recorded at its slot; a later one when it really started."""


def microseconds(moment: datetime) -> int:
    return (moment - EPOCH) // MICROSECOND


def moment(at_us: int) -> datetime:
    return EPOCH + timedelta(microseconds=at_us)


def phase(key: str, interval_us: int) -> int:
    """Where in its interval a watch sits: stable for a key, and spread evenly over many keys."""
    number = int.from_bytes(blake2b(key.encode(), digest_size=8).digest(), "big")
    return number * interval_us >> 64


def slot_after(at_us: int, interval_us: int, phase_us: int) -> int:
    """The first slot of the grid that is strictly later."""
    return phase_us + ((at_us - phase_us) // interval_us + 1) * interval_us


def recheck_delay(interval_us: int) -> int:
    return min(max(interval_us // RECHECK_SHARE, RECHECK_MIN_US), RECHECK_MAX_US)


def next_slot(slot_us: int, now_us: int, interval_us: int, phase_us: int, *, is_unsettled: bool) -> int:
    """When to check again after the check of `slot_us`. Slots that were missed are skipped, not made up for.

    `is_unsettled` moves the slot nearer: the last result contradicts the verdict and wants confirmation.
    """
    # A timer may fire a little early, and must not repeat its slot; a clock set back must not wait for its old slot.
    is_early = 0 <= slot_us - now_us < interval_us
    grid_us = slot_after(slot_us if is_early else now_us, interval_us, phase_us)
    if not is_unsettled:
        return grid_us
    return min(grid_us, max(slot_us + recheck_delay(interval_us), now_us))


def is_out_of_reach(slot_us: int, now_us: int, interval_us: int) -> bool:
    """Whether the clock was set back so far that waiting for this slot would leave the monitor unwatched."""
    return slot_us - now_us > interval_us


def recorded_at(slot_us: int, started_us: int, last_us: int) -> int:
    """The moment under which a check is stored: its slot, unless that would be untrue or was used before."""
    is_punctual = 0 <= started_us - slot_us < PUNCTUAL_US
    if is_punctual and slot_us > last_us:
        return slot_us
    # A last observation far in the future was made before the clock was set back: the present counts.
    is_set_back = last_us - started_us > PUNCTUAL_US
    return started_us if is_set_back else max(started_us, last_us + 1)
