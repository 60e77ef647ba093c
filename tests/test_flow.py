"""Queue arithmetic: rates, drain time, stalls, ages and conservation, from samples alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.flow import AgeLevel, Context, FlowState, Memory, Policy, Sample, Word, advance, judge, replay
from monitors.probes.queue_rows import imbalance_sentence, remembered, restored

START = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)
EVERY_SECOND = Policy(interval_s=1)
NOTHING_KNOWN = Context()


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def steady(seconds: range, depth: int = 10, ingress: int = 5, ack: int = 5, **told: object) -> list[Sample]:
    """Samples each second of a queue that goes on as told from `depth` on."""
    return [
        Sample(
            at(second),
            depth=depth + (ingress - ack) * number,
            in_total=1_000 + ingress * number,
            out_total=900 + ack * number,
            **told,  # type: ignore[arg-type]
        )
        for number, second in enumerate(seconds)
    ]


def after(samples: Iterable[Sample], policy: Policy = EVERY_SECOND, context: Context = NOTHING_KNOWN) -> FlowState:
    memory = replay(samples, policy)
    assert memory.last is not None
    return judge(memory, memory.last.at, policy, context)


# Rates


def test_rates_come_from_deltas() -> None:
    state = after(steady(range(10)))
    assert (state.word, state.ingress_rate, state.ack_rate, state.net_rate) == (Word.FLOWING, 5.0, 5.0, 0.0)


def test_one_sample_gives_no_rate_and_no_zero() -> None:
    state = after(steady(range(1)))
    assert (state.ingress_rate, state.ack_rate, state.net_rate, state.eta) == (None, None, None, None)


def test_a_counter_that_is_not_told_has_no_rate() -> None:
    samples = [replace(sample, out_total=None) for sample in steady(range(10))]
    state = after(samples)
    assert (state.ingress_rate, state.ack_rate, state.residual) == (5.0, None, None)


def test_what_is_delivered_has_a_rate_of_its_own() -> None:
    samples = [replace(sample, delivered_total=(sample.out_total or 0) // 2) for sample in steady(range(11), ack=6)]
    assert (after(samples).ack_rate, after(samples).delivered_rate) == (6.0, 3.0)
    assert after(samples[:1]).delivered_rate is None
    assert after(steady(range(10))).delivered_rate is None


def test_a_counter_reset_gives_null_and_an_event_then_rates_again() -> None:
    memory = replay(steady(range(10)), EVERY_SECOND)
    memory = advance(memory, Sample(at(10), depth=10, in_total=5, out_total=5), EVERY_SECOND)
    assert (memory.ingress_rate, memory.ack_rate) == (None, None)
    assert [event.kind for event in memory.events] == ["counter_reset"]
    memory = advance(memory, Sample(at(11), depth=10, in_total=10, out_total=10), EVERY_SECOND)
    assert (memory.ingress_rate, memory.ack_rate, memory.events) == (5.0, 5.0, ())


def test_a_long_pause_gives_no_rate_because_the_clock_may_have_jumped() -> None:
    samples = [*steady(range(5)), Sample(at(3_600), depth=10, in_total=1_100, out_total=1_000)]
    state = after(samples)
    assert (state.ingress_rate, state.ack_rate) == (None, None)


@pytest.mark.parametrize(("ingress", "ack"), [(8, 5), (1, 9)], ids=["grew", "drained"])
def test_what_a_queue_did_before_an_hour_unseen_says_nothing_of_now(ingress: int, ack: int) -> None:
    before = steady(range(20), depth=5_000, ingress=ingress, ack=ack)
    state = after([*before, Sample(at(3_620), depth=700, in_total=90_000, out_total=90_500)])
    assert (state.word, state.net_rate, state.eta) == (Word.FLOWING, None, None)


def test_a_few_missed_polls_keep_the_drain_time() -> None:
    late = [replace(sample, at=sample.at + timedelta(seconds=30)) for sample in steady(range(26), 300, ack=9)[20:21]]
    assert after([*steady(range(20), 300, ack=9), *late]).eta is not None


def test_a_clock_set_back_starts_again_with_an_event() -> None:
    memory = replay(steady(range(10)), EVERY_SECOND)
    memory = advance(memory, Sample(at(-3_600), depth=10, in_total=1_050, out_total=950), EVERY_SECOND)
    assert [event.kind for event in memory.events] == ["clock_step"]
    assert memory.ack_rate is None
    memory = advance(memory, Sample(at(-3_599), depth=10, in_total=1_055, out_total=955), EVERY_SECOND)
    assert memory.ack_rate == 5.0


def test_two_missed_intervals_are_stale_and_never_zero() -> None:
    memory = replay(steady(range(10)), EVERY_SECOND)
    fresh, stale = (judge(memory, at(9 + age), EVERY_SECOND, NOTHING_KNOWN) for age in (2.9, 3.1))
    assert fresh.word == Word.FLOWING
    assert (stale.word, stale.cause, stale.ack_rate, stale.at) == (Word.UNKNOWN, "source_stale", None, at(9))
    assert stale.sentence == "No figures for 3 s."


def test_rates_cover_two_refreshes_of_a_source_that_renews_every_five_seconds() -> None:
    policy = Policy(interval_s=1, refresh_s=5)
    samples = [Sample(at(s), depth=1, in_total=50 * (s // 5), out_total=50 * (s // 5)) for s in range(30)]
    rates = {replay(samples[:count], policy).ack_rate for count in range(12, 30)}
    assert rates == {10.0}


# Drain time


def test_a_falling_queue_has_a_drain_time_with_a_band() -> None:
    state = after(steady(range(30), depth=1_000, ingress=10, ack=20))
    assert state.eta is not None
    assert state.eta.basis == "measured"
    assert state.eta.seconds == pytest.approx(71)
    assert state.eta.low_s == pytest.approx(71)
    assert state.eta.high_s == pytest.approx(71)


def test_a_drain_time_needs_three_rates() -> None:
    samples = steady(range(30), depth=1_000, ingress=10, ack=20)
    assert [after(samples[:count]).eta is None for count in (2, 3, 4, 5)] == [True, True, False, False]


def test_a_growing_queue_has_no_drain_time_and_says_by_how_much() -> None:
    state = after(steady(range(30), depth=1_000, ingress=54, ack=41))
    assert (state.word, state.cause, state.eta) == (Word.GROWING, "capacity_exceeded", None)
    assert state.sentence == "More comes in than goes out: 13/s short, 1,377 waiting."


def test_an_empty_queue_is_drained_now() -> None:
    state = after(steady(range(10), depth=0))
    assert (state.word, state.eta and state.eta.seconds) == (Word.EMPTY, 0.0)


# Stalls


STALLED = [
    pytest.param({"consumers": 0}, NOTHING_KNOWN, "no_consumers", 5, id="nobody is there: named at once"),
    pytest.param(
        {"consumers": 2, "in_flight": 40}, NOTHING_KNOWN, "stuck_consumer", 30, id="consumers hold and do not ack"
    ),
    pytest.param({"consumers": 2}, NOTHING_KNOWN, "no_ack", 30, id="consumers take nothing"),
    pytest.param({}, NOTHING_KNOWN, "no_ack", 30, id="nothing told of consumers"),
    pytest.param({"consumers": 0}, Context(held_reason="drill"), "offline_mode", 5, id="held by offline mode"),
    pytest.param({"consumers": 0, "held": "mode offline"}, NOTHING_KNOWN, "offline_mode", 5, id="held by the platform"),
    pytest.param({"blocked": "memory alarm"}, NOTHING_KNOWN, "publishers_blocked", 1, id="publishers blocked"),
]


@pytest.mark.parametrize(("told", "context", "cause", "after_s"), STALLED)
def test_a_stall_is_named_with_its_cause(told: dict[str, object], context: Context, cause: str, after_s: int) -> None:
    moving = steady(range(60), depth=20, ingress=20, ack=20)
    still = [
        Sample(at(59 + second), depth=20 + 20 * second, in_total=2_180 + 20 * second, out_total=2_080, **told)  # type: ignore[arg-type]
        for second in range(1, 60)
    ]
    memory = replay(moving, EVERY_SECOND)
    first = None
    for sample in still:
        memory = advance(memory, sample, EVERY_SECOND)
        state = judge(memory, sample.at, EVERY_SECOND, context)
        if state.word == Word.STALLED:
            first = first or sample.at
            assert state.cause == cause
    assert first is not None
    assert (first - at(59)).total_seconds() == after_s


HELD_UP = {"consumers": 1, "in_flight": 50}
TAKING = {"consumers": 1, "in_flight": 1}
IMPATIENT = [
    pytest.param(50, HELD_UP, 2, id="a consumer with all that it may hold: the third look"),
    pytest.param(1, TAKING, 3, id="a consumer that took all there is: one look more"),
    pytest.param(50, {"consumers": 1, "in_flight": 0}, 3, id="a consumer that takes nothing: one look more"),
]


@pytest.mark.parametrize(("depth", "told", "steps"), IMPATIENT)
def test_standstill_is_seen_in_few_looks_where_a_short_patience_is_asked_for(
    depth: int, told: dict[str, int], steps: int
) -> None:
    policy = Policy(interval_s=1, refresh_s=1, stall_after_s=1.5)
    late_by = (0.0, 0.1, -0.1, 0.05, -0.05)  # no schedule is kept to the hair
    looks = [
        Sample(at(s + late), depth=depth * 2, in_total=200, out_total=100, **told) for s, late in enumerate(late_by)
    ]
    looks = [replace(look, depth=1) if told is TAKING else look for look in looks]
    words = [after(looks[: count + 1], policy).word for count in range(len(looks))]
    assert words.index(Word.STALLED) == steps


LARGE = [
    pytest.param({"consumers": 0}, "No consumer is connected: 12,345 waiting, nothing", id="nobody there"),
    pytest.param({"consumers": 1, "in_flight": 2_000}, "One consumer holds 2,000 unacknowledged: 12,345 w", id="one"),
    pytest.param({"consumers": 1_200, "in_flight": 9_000}, "1,200 consumers hold 9,000 unack", id="many"),
    pytest.param(
        {"in_flight": 2_000}, "The consumers hold 2,000 unacknowledged: 12,345 waiting", id="not told how many"
    ),
    pytest.param({"consumers": 2}, "Consumers take nothing: 12,345 waiting", id="taking nothing"),
    pytest.param({"consumers": 2, "held": "drill"}, "Sending is paused on purpose (drill): 12,345 waiting.", id="held"),
]


@pytest.mark.parametrize(("told", "begins"), LARGE)
def test_large_numbers_are_told_with_their_thousands_apart(told: dict[str, object], begins: str) -> None:
    samples = [Sample(at(s), depth=12_345, in_total=12_345, out_total=0, **told) for s in range(40)]  # type: ignore[arg-type]
    assert after(samples).sentence.startswith(begins)
    assert after(samples[:1]).sentence == "12,345 waiting."


def test_a_counter_that_fell_is_told_with_its_thousands_apart() -> None:
    memory = replay([Sample(at(0), depth=1, in_total=12_345, out_total=1)], EVERY_SECOND)
    memory = advance(memory, Sample(at(1), depth=1, in_total=1_000, out_total=1), EVERY_SECOND)
    assert memory.events[0].sentence == "The in counter fell from 12,345 to 1,000."


def test_a_stall_is_backdated_and_its_drain_time_grows() -> None:
    moving = steady(range(60), depth=20, ingress=20, ack=20)
    still = [
        Sample(at(59 + s), depth=20 + 20 * s, in_total=2_180 + 20 * s, out_total=2_080, consumers=0)
        for s in range(1, 30)
    ]
    states = [after([*moving, *still[:count]]) for count in range(5, 29)]
    assert {state.since for state in states} == {at(59)}
    etas = [state.eta.seconds for state in states if state.eta]
    assert len(etas) == len(states)
    assert etas == sorted(etas)
    assert len(set(etas)) == len(etas)
    assert {state.eta.basis for state in states if state.eta} == {"at_least"}


def test_a_stall_ends_after_two_steps_forward() -> None:
    still = [Sample(at(s), depth=20, in_total=20, out_total=0, consumers=0) for s in range(10)]
    words = []
    memory = replay(still, EVERY_SECOND)
    for step in range(1, 4):
        memory = advance(
            memory, Sample(at(9 + step), depth=20 - step, in_total=20, out_total=step, consumers=1), EVERY_SECOND
        )
        words.append(judge(memory, at(9 + step), EVERY_SECOND, NOTHING_KNOWN).word)
    assert words == [Word.STALLED, Word.FLOWING, Word.FLOWING]


def test_a_queue_that_is_seldom_acknowledged_is_not_stalled_between() -> None:
    seldom = [Sample(at(10 * s), depth=5, in_total=s // 4, out_total=s // 4) for s in range(60)]
    policy = Policy(interval_s=10)
    memory = replay(seldom[:13], policy)  # three acknowledgements teach the usual gap
    words = set()
    for sample in seldom[13:]:
        memory = advance(memory, sample, policy)
        words.add(judge(memory, sample.at, policy, NOTHING_KNOWN).word)
    assert Word.STALLED not in words


def test_a_counter_that_was_never_told_and_no_consumer_is_a_stall() -> None:
    waiting = [Sample(at(s), depth=100, in_total=100, out_total=None, consumers=0) for s in range(10)]
    assert after(waiting).cause == "no_consumers"


# Slow and delayed


def test_a_full_link_makes_a_growing_queue_slow_with_its_utilisation() -> None:
    state = after(steady(range(30), depth=100, ingress=20, ack=8, utilisation=0.98))
    assert (state.word, state.cause) == (Word.SLOW, "link_full")
    assert state.sentence == "The link is 98 % full: 8.0/s acknowledged, 20/s coming in."


def test_a_quarter_of_the_usual_rate_of_the_hour_is_slow() -> None:
    samples = steady(range(30), depth=100, ingress=20, ack=8)
    assert after(samples, context=Context(usual_ack_rate=20)).word == Word.GROWING
    state = after(samples, context=Context(usual_ack_rate=40))
    assert (state.word, state.cause) == (Word.SLOW, "below_usual")


def test_the_age_level_has_hysteresis() -> None:
    policy = Policy(interval_s=1, oldest_warn_s=100, oldest_fail_s=200)
    ages = [50, 99, 100, 90, 81, 79, 150, 199, 200, 170, 159, 90, 70]
    memory, levels = Memory(), []
    for second, age in enumerate(ages):
        memory = advance(memory, Sample(at(second), depth=1, oldest_at=at(second - age)), policy)
        levels.append(memory.age_level)
    ok, warn, fail = AgeLevel
    assert levels == [ok, ok, warn, warn, warn, ok, warn, warn, fail, fail, warn, warn, ok]


def test_nothing_waiting_has_no_age_whatever_the_source_tells() -> None:
    policy = Policy(interval_s=1, oldest_warn_s=120, oldest_fail_s=600)
    state = after(steady(range(1), depth=0, oldest_at=datetime(1970, 1, 1, tzinfo=UTC)), policy)
    assert (state.word, state.oldest_s) == (Word.EMPTY, None)


def test_old_mail_is_delayed_and_serious_only_beyond_the_second_limit() -> None:
    policy = Policy(interval_s=1, oldest_warn_s=120, oldest_fail_s=600)
    states = [after(steady(range(1), oldest_at=at(-age)), policy) for age in (60, 192, 700)]
    assert [state.word for state in states] == [Word.FLOWING, Word.DELAYED, Word.DELAYED]
    assert [state.is_serious for state in states] == [False, False, True]
    assert states[1].sentence == "The oldest mail has waited 3 min 12 s; the limit is 2 min."


# Conservation

EXACT = Policy(interval_s=1, is_exact=True)


def balanced(
    count: int, ingress: int = 100, ack: int = 90, lost_from: int | None = None, lost: int = 0
) -> list[Sample]:
    return [
        Sample(
            at(second),
            depth=1_000 + (ingress - ack) * second - (lost if lost_from is not None and second >= lost_from else 0),
            in_total=ingress * second,
            out_total=ack * second,
        )
        for second in range(count)
    ]


@pytest.mark.parametrize(("lost", "missing"), [(1, 1), (-1, -1), (0, 0)], ids=["lost", "duplicated", "balanced"])
def test_one_message_in_a_hundred_thousand_is_found_where_counting_is_exact(lost: int, missing: int) -> None:
    state = after(balanced(1_100, lost_from=1_050, lost=lost), EXACT)
    assert state.missing == missing


def test_a_ledger_finds_what_was_lost_before_it_was_watched() -> None:
    ledger = replace(EXACT, is_ledger=True)
    samples = [Sample(at(s), depth=9, in_total=100_000, out_total=99_990) for s in range(3)]
    assert after(samples, ledger).missing == 1


def test_counters_find_a_loss_beyond_one_percent_after_a_minute() -> None:
    samples = balanced(200, lost_from=60, lost=200)
    early, late = after(samples[:119]), after(samples[:125])
    assert (early.missing, late.missing) == (0, 200)


def test_a_residual_within_five_or_one_percent_is_no_finding() -> None:
    assert after(balanced(200, lost_from=60, lost=5)).missing == 0


def test_a_residual_that_comes_and_goes_is_skew_and_no_finding() -> None:
    samples = [
        replace(sample, depth=(sample.depth or 0) - (300 if number % 7 == 0 else 0))
        for number, sample in enumerate(balanced(300))
    ]
    assert after(samples).missing == 0


def test_a_source_whose_depth_lags_behind_its_counters_is_not_accused() -> None:
    """RabbitMQ renews depth and counters apart: at 1,000/s they disagree by thousands, from the first look on."""
    policy = Policy(interval_s=5, refresh_s=5)
    samples = [
        Sample(at(5 * n), depth=50, in_total=5_000 * n, out_total=max(5_000 * n - 3_000 * (n % 2), 0))
        for n in range(200)
    ]
    quiet = [Sample(at(1_000 + 5 * n), depth=50, in_total=995_000, out_total=995_000) for n in range(100)]
    memory = Memory()
    for sample in [*samples, *quiet]:
        memory = advance(memory, sample, policy)
        assert memory.ledger.missing == 0


def test_a_queue_that_is_empty_after_a_restart_has_lost_what_waited() -> None:
    before = [Sample(at(s), depth=100, in_total=100, out_total=0, epoch="a") for s in range(5)]
    gone = [Sample(at(5 + s), depth=0, epoch="b") for s in range(3)]
    memory = replay([*before, *gone], EVERY_SECOND)
    assert memory.ledger.missing == 100
    assert memory.ledger.is_upper_bound


def test_an_answer_without_figures_does_not_hide_a_restart() -> None:
    before = [Sample(at(s), depth=100, in_total=100, out_total=0, epoch="a") for s in range(5)]
    starting = [Sample(at(5))]
    gone = [Sample(at(6 + s), depth=0, epoch="b") for s in range(3)]
    assert replay([*before, *starting, *gone], EVERY_SECOND).ledger.missing == 100


def test_mail_that_came_unseen_before_a_restart_is_no_duplication() -> None:
    before = [Sample(at(s), depth=100, in_total=100, out_total=0, epoch="a") for s in range(5)]
    more = [Sample(at(5 + s), depth=160, epoch="b") for s in range(3)]
    assert replay([*before, *more], EVERY_SECOND).ledger.missing == 0


IMBALANCES = [
    pytest.param(1, False, "1 message came in and neither went out nor waits.", id="one"),
    pytest.param(12_345, True, "Up to 12,345 messages came in and neither went out nor wait.", id="many, at most"),
    pytest.param(-1_500, False, "1,500 messages more went out or wait than came in: ", id="doubled"),
]


@pytest.mark.parametrize(("missing", "is_upper_bound", "begins"), IMBALANCES)
def test_an_imbalance_is_told_in_words(missing: int, is_upper_bound: bool, begins: str) -> None:
    state = FlowState(Word.FLOWING, "flowing", "", missing=missing, is_upper_bound=is_upper_bound)
    assert imbalance_sentence(state).startswith(begins)


def test_a_restart_that_nobody_saw_is_no_loss_for_who_takes_over_later() -> None:
    known = remembered(replay(steady(range(100), depth=1_000, ingress=5, ack=7), EVERY_SECOND))
    later = [
        Sample(at(3_600 + second), depth=700 + second, in_total=5 + 3 * second, out_total=2 + 2 * second)
        for second in range(130)
    ]
    memory = replay(later, EVERY_SECOND, restored(Memory(), known))
    assert memory.ledger.missing == 0


def test_a_queue_that_is_whole_after_a_restart_has_lost_nothing() -> None:
    before = [Sample(at(s), depth=100, in_total=100, out_total=0, epoch="a") for s in range(5)]
    whole = [Sample(at(5 + s), depth=100, epoch="b") for s in range(3)]
    assert replay([*before, *whole], EVERY_SECOND).ledger.missing == 0


def test_a_busy_queue_may_have_been_drained_unseen_before_a_restart() -> None:
    before = steady(range(10), depth=100, ingress=50, ack=50, epoch="a")
    restarted = [Sample(at(12 + s), depth=20, in_total=0, out_total=0, epoch="b") for s in range(3)]
    assert replay([*before, *restarted], EVERY_SECOND).ledger.missing == 0


def test_a_loss_is_closed_when_it_has_not_grown_for_ten_minutes() -> None:
    samples = balanced(700, lost_from=20, lost=3)
    memory = replay(samples[:600], EXACT)
    assert memory.ledger.missing == 3
    assert replay(samples[600:], EXACT, memory).ledger.missing == 0


def test_the_queue_vanishing_from_the_counters_is_a_reset_where_the_source_drops_them() -> None:
    policy = Policy(interval_s=1, is_gone_reset=True)
    memory = replay([Sample(at(0), depth=50, in_total=50, out_total=0)], policy)
    memory = advance(memory, Sample(at(1), depth=0), policy)
    assert [event.kind for event in memory.events] == ["counter_reset"]
    memory = advance(memory, Sample(at(2), depth=0), policy)
    assert memory.ledger.missing == 50


# Properties

STEPS = st.lists(
    st.tuples(
        st.floats(0.1, 20),  # seconds since the step before
        st.integers(0, 500),  # in
        st.floats(0, 1),  # share of what waits that goes out
        st.sampled_from(["poll", "poll", "poll", "missed", "restart", "clock back", "late"]),
    ),
    min_size=2,
    max_size=60,
)
Steps = list[tuple[float, int, float, str]]


def observed(steps: Steps, *, allowed: set[str]) -> list[Sample]:
    """What polls see of a queue that loses nothing, under the troubles that are allowed."""
    samples: list[Sample] = []
    clock, depth, total_in, total_out, epoch = 0.0, 0, 0, 0, 0
    for seconds, arrived, share, trouble in steps:
        clock += seconds
        if trouble == "restart" and trouble in allowed:
            total_in = total_out = 0
            epoch += 1
        if trouble == "clock back" and trouble in allowed:
            clock -= 3_600
        left = int((depth + arrived) * share)
        depth, total_in, total_out = depth + arrived - left, total_in + arrived, total_out + left
        if trouble == "missed" and trouble in allowed:
            continue
        samples.append(Sample(at(clock), depth, total_in, total_out, epoch=str(epoch)))
        if trouble == "late" and trouble in allowed and len(samples) > 1:
            samples.append(samples[-2])
    return samples


ALL_TROUBLES = {"missed", "restart", "clock back", "late"}


@given(STEPS)
def test_rates_are_never_negative_whatever_happens(steps: Steps) -> None:
    memory = Memory()
    for sample in observed(steps, allowed=ALL_TROUBLES):
        memory = advance(memory, sample, EVERY_SECOND)
        assert (memory.ingress_rate or 0) >= 0
        assert (memory.ack_rate or 0) >= 0


@given(STEPS)
def test_the_smoothed_net_rate_stays_between_the_net_rates_seen(steps: Steps) -> None:
    memory, low, high = Memory(), float("inf"), float("-inf")
    for sample in observed(steps, allowed=ALL_TROUBLES):
        memory = advance(memory, sample, EVERY_SECOND)
        low, high = min(low, *memory.nets, low), max(high, *memory.nets, high)
        if memory.net_rate is not None:
            assert low - 1e-6 <= memory.net_rate <= high + 1e-6


@given(STEPS)
def test_the_drain_time_lies_within_its_band(steps: Steps) -> None:
    memory = Memory()
    for sample in observed(steps, allowed=ALL_TROUBLES):
        memory = advance(memory, sample, EVERY_SECOND)
        eta = judge(memory, sample.at, EVERY_SECOND, NOTHING_KNOWN).eta
        if eta is not None:
            assert 0 <= (eta.low_s or 0) <= eta.seconds <= (eta.high_s if eta.high_s is not None else eta.seconds)


@given(STEPS)
def test_a_queue_that_loses_nothing_is_never_accused(steps: Steps) -> None:
    """Missing polls, late arrivals and clock steps make no loss; exact counting sees through all of them."""
    memory = replay(observed(steps, allowed={"missed", "clock back", "late"}), EXACT)
    assert memory.ledger.missing == 0


@given(STEPS, st.integers(-3, 3).filter(bool), st.data())
def test_every_loss_and_duplicate_is_counted_exactly(steps: Steps, lost: int, data: st.DataObject) -> None:
    samples = observed(steps, allowed={"missed", "clock back"})
    when = data.draw(st.integers(0, len(samples)))
    kept = [
        sample if number < when else replace(sample, depth=(sample.depth or 0) - lost)
        for number, sample in enumerate(samples)
    ]
    ledger = replace(EXACT, is_ledger=True)
    # Two more looks a little later, so that there is always one to confirm with.
    last = kept[-1] if kept else Sample(at(0), depth=0, in_total=0, out_total=0)
    last = last if when < len(samples) else replace(last, depth=(last.depth or 0) - lost)
    more = [replace(last, at=last.at + timedelta(seconds=second)) for second in (1, 2)]
    memory = replay([*kept, *more], ledger)
    is_closed = memory.ledger.changed_at is None
    assert memory.ledger.missing == lost or is_closed


@given(
    st.lists(st.tuples(st.integers(0, 500), st.floats(0, 1)), min_size=12, max_size=40),
    st.integers(0, 12),
    st.floats(0, 4.9),
    st.sampled_from([1, 2, 5]),
)
def test_a_depth_newer_than_the_counters_accuses_nobody_after_a_restart(
    seconds: list[tuple[int, float]], restart: int, phase: float, every: int
) -> None:
    """RabbitMQ's queues tell their depth at once, its counters only every 5 s, and none right after a restart.

    What left between the last look and the restart nobody can know: it is told as "up to", and not tried here."""
    policy = Policy(interval_s=every, refresh_s=5, is_gone_reset=True)
    depth, totals, told, looks = 0, (0, 0), (None, None), list[Sample]()
    for second, (arrived, share) in enumerate([(0, 0.0)] * 5 + seconds):
        if second == restart + 5:
            totals, told = (0, 0), (None, None)
        is_unseen = restart + 5 - every <= second < restart + 5
        left = 0 if is_unseen else int((depth + arrived) * share)
        depth, totals = depth + arrived - left, (totals[0] + arrived, totals[1] + left)
        if (second + phase) % 5 < 1:
            told = totals if any(totals) else (None, None)
        if second % every == 0:
            looks.append(Sample(at(second), depth, *told, epoch=str(second >= restart + 5)))
    assert replay(looks, policy).ledger.missing == 0


@given(STEPS)
def test_a_late_push_changes_nothing(steps: Steps) -> None:
    pushed = Policy(interval_s=1, is_pushed=True)
    with_late = replay(observed(steps, allowed={"late"}), pushed)
    without = replay(observed(steps, allowed=set()), pushed)
    assert replace(with_late, events=()) == replace(without, events=())


@given(STEPS)
def test_missed_polls_leave_the_balance_the_same(steps: Steps) -> None:
    final = [(1.0, 0, 0.0, "poll"), (1.0, 0, 0.0, "poll")]
    missed = replay(observed(steps + final, allowed={"missed"}), replace(EXACT, is_ledger=True))
    seen = replay(observed(steps + final, allowed=set()), replace(EXACT, is_ledger=True))
    assert missed.ledger.residual == seen.ledger.residual == 0


@given(STEPS)
def test_a_replay_in_two_parts_is_the_same_as_in_one(steps: Steps) -> None:
    samples = observed(steps, allowed=ALL_TROUBLES)
    half = len(samples) // 2
    assert replay(samples[half:], EVERY_SECOND, replay(samples[:half], EVERY_SECOND)) == replay(samples, EVERY_SECOND)


@given(STEPS, st.floats(0, 1e6))
def test_a_reading_always_has_a_word_a_cause_and_a_sentence(steps: Steps, later: float) -> None:
    memory = replay(observed(steps, allowed=ALL_TROUBLES), EVERY_SECOND)
    now = (memory.last.at if memory.last else START) + timedelta(seconds=later)
    state = judge(memory, now, EVERY_SECOND, NOTHING_KNOWN)
    assert state.word in Word
    assert state.cause
    assert state.sentence.endswith(".")
