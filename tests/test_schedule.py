"""Slots neither drift nor bunch, and survive clocks that jump."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from monitors.schedule import (
    SECOND_US,
    is_out_of_reach,
    microseconds,
    moment,
    next_slot,
    phase,
    recheck_delay,
    recorded_at,
    slot_after,
)

INTERVAL = 10 * SECOND_US
NOW = microseconds(datetime(2026, 3, 29, 0, 59, 58, tzinfo=UTC))
instants = st.integers(0, 4_000_000_000 * SECOND_US)
intervals = st.integers(500_000, 86_400 * SECOND_US)


@given(instants, intervals, st.text())
def test_the_next_slot_is_later_on_the_grid_and_within_an_interval(at: int, interval: int, key: str) -> None:
    offset = phase(key, interval)
    slot = slot_after(at, interval, offset)
    assert 0 <= offset < interval
    assert at < slot <= at + interval
    assert (slot - offset) % interval == 0


@given(instants, intervals, st.integers(0, 10 * SECOND_US), st.booleans())
def test_lateness_does_not_add_up(at: int, interval: int, late: int, is_unsettled: bool) -> None:
    slot = slot_after(at, interval, 0)
    after = next_slot(slot, slot + late, interval, 0, is_unsettled=is_unsettled)
    assert slot <= slot + late <= after <= slot + late + interval
    assert is_unsettled or after % interval == 0


def test_a_thousand_monitors_spread_over_their_interval() -> None:
    seconds = [phase(f"monitor-{number}", INTERVAL) // SECOND_US for number in range(1_000)]
    assert max(map(seconds.count, range(10))) < 150


def test_missed_slots_are_skipped() -> None:
    slot = slot_after(NOW, INTERVAL, 0)
    assert next_slot(slot, slot + 5 * INTERVAL + 3, INTERVAL, 0, is_unsettled=False) == slot + 6 * INTERVAL


def test_a_contradicting_result_is_looked_at_again_soon() -> None:
    slot = slot_after(NOW, INTERVAL, 0)
    assert next_slot(slot, slot + 20_000, INTERVAL, 0, is_unsettled=True) == slot + SECOND_US
    assert next_slot(slot, slot + 3 * SECOND_US, INTERVAL, 0, is_unsettled=True) == slot + 3 * SECOND_US
    assert recheck_delay(300 * SECOND_US) == 5 * SECOND_US


def test_a_timer_that_fires_early_does_not_repeat_its_slot() -> None:
    slot = slot_after(NOW, INTERVAL, 0)
    assert next_slot(slot, slot - 300, INTERVAL, 0, is_unsettled=False) == slot + INTERVAL


def test_a_clock_set_back_is_noticed_and_not_waited_for() -> None:
    slot = slot_after(NOW, INTERVAL, 0)
    back = NOW - 3_600 * SECOND_US
    assert is_out_of_reach(slot, back, INTERVAL)
    assert next_slot(slot, back, INTERVAL, 0, is_unsettled=False) - back <= INTERVAL


def test_daylight_saving_does_not_move_slots() -> None:
    before, after = slot_after(NOW, INTERVAL, 7), slot_after(NOW + INTERVAL, INTERVAL, 7)
    assert moment(after) - moment(before) == timedelta(seconds=10)


def test_a_punctual_check_is_recorded_at_its_slot_so_that_two_probers_agree() -> None:
    slot = slot_after(NOW, INTERVAL, 0)
    assert recorded_at(slot, slot + 40_000, slot - INTERVAL) == slot
    assert recorded_at(slot, slot + 4 * SECOND_US, slot - INTERVAL) == slot + 4 * SECOND_US
    assert recorded_at(slot, slot + 40_000, slot) == slot + 40_000
    assert recorded_at(slot, slot + 40_000, slot + 50_000) == slot + 50_001
    assert recorded_at(slot, slot + 40_000, slot + 3_600 * SECOND_US) == slot + 40_000


@given(instants)
def test_microseconds_survive_the_round_trip(at: int) -> None:
    assert microseconds(moment(at)) == at
