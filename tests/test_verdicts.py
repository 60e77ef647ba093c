"""Observations become verdicts: confirmation, backdating, flapping, quorum."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.results import Result, Verdict
from monitors.verdicts import (
    FLAP_CALM,
    Policy,
    Report,
    Seen,
    Standing,
    fold,
    is_unsettled,
    quorum,
    stale_after_s,
)

RESULT_BY_LETTER = {"o": Result.OK, "w": Result.WARN, "f": Result.FAIL, "u": Result.UNKNOWN}
POLICY = Policy()
UP = Standing(Verdict.UP, since=0.5, confirmed_at=0.5)


def seen(letters: str, start: float = 1.0) -> list[Seen]:
    return [Seen(start + index, RESULT_BY_LETTER[letter], letter) for index, letter in enumerate(letters)]


def after(letters: str, policy: Policy = POLICY, standing: Standing = UP, start: float = 1.0) -> Standing:
    return [standing, *fold(standing, seen(letters, start), policy)][-1]


@pytest.mark.parametrize(
    ("letters", "policy", "verdict", "since"),
    [
        pytest.param("of", POLICY, Verdict.UP, 0.5, id="one failure confirms nothing"),
        pytest.param("off", POLICY, Verdict.DOWN, 2, id="two failures confirm, backdated to the first"),
        pytest.param("fof", POLICY, Verdict.DOWN, 1, id="two of three need not be neighbours"),
        pytest.param("foofoof", POLICY, Verdict.UP, 0.5, id="one failure in three never confirms"),
        pytest.param("fofofofo", POLICY, Verdict.DOWN, 1, id="every second failing stays down"),
        pytest.param("ffo", POLICY, Verdict.DOWN, 1, id="one success is no recovery"),
        pytest.param("ffoo", POLICY, Verdict.UP, 3, id="recovery is backdated too"),
        pytest.param("ffo", Policy(up_after=1, up_of=1), Verdict.UP, 3, id="recovery at once where the policy says so"),
        pytest.param("oof", Policy(1, 1, 2, 3), Verdict.DOWN, 3, id="successes before the outage do not end it"),
        pytest.param("ww", POLICY, Verdict.DEGRADED, 1, id="warnings confirm degraded"),
        pytest.param("wf", POLICY, Verdict.DEGRADED, 1, id="a warning and a failure are degraded"),
        pytest.param("wff", POLICY, Verdict.DOWN, 2, id="degraded worsens to down"),
        pytest.param("ffww", POLICY, Verdict.DEGRADED, 3, id="down eases to degraded"),
        pytest.param("ffwo", POLICY, Verdict.DEGRADED, 3, id="answers that are not all good ease it as well"),
        pytest.param("uu", POLICY, Verdict.UNKNOWN, 1, id="learning nothing is unknown, not up"),
        pytest.param("u", POLICY, Verdict.UP, 0.5, id="one unknown is no verdict"),
        pytest.param("fuf", POLICY, Verdict.DOWN, 1, id="an unknown between failures does not excuse them"),
        pytest.param("uuoo", POLICY, Verdict.UP, 3, id="back from unknown"),
        pytest.param("ff", Policy(3, 5, 2, 2), Verdict.UP, 0.5, id="three of five needs three"),
        pytest.param("foffo", Policy(3, 5, 2, 2), Verdict.DOWN, 1, id="three of five counts the window"),
        pytest.param("foooff", Policy(2, 2, 2, 6), Verdict.DOWN, 5, id="a failure before the outage is not its start"),
        pytest.param("fofoo", Policy(2, 5, 2, 2), Verdict.UP, 4, id="a success amid the outage is not its end"),
    ],
)
def test_confirmation(letters: str, policy: Policy, verdict: Verdict, since: float) -> None:
    standing = after(letters, policy)
    assert (standing.verdict, standing.since) == (verdict, since)


def test_a_new_monitor_is_unknown_until_confirmed() -> None:
    assert after("o", standing=Standing()).verdict is Verdict.UNKNOWN
    assert after("oo", standing=Standing()).verdict is Verdict.UP


def test_only_a_contradicting_result_asks_for_an_early_second_look() -> None:
    assert is_unsettled(UP, Result.FAIL)
    assert not is_unsettled(UP, Result.OK)
    assert is_unsettled(replace(UP, verdict=Verdict.DOWN), Result.OK)
    assert not is_unsettled(replace(UP, is_flapping=True), Result.FAIL)


def test_who_eased_from_down_is_degraded_for_what_was_slow_not_for_what_was_good() -> None:
    standing = after("ffwo")
    assert (standing.verdict, standing.reason, standing.confirmed_at) == (Verdict.DEGRADED, "w", 4)


def test_flapping_is_one_degraded_thing_until_calm() -> None:
    standing = after("ffooffoo")
    assert (standing.verdict, standing.is_flapping, standing.reason) == (Verdict.DEGRADED, True, "flapping")
    assert standing.sentence == "Flapping: 4 confirmed changes in 1 min."
    with_words = [replace(one, sentence=f"It said {one.reason}.") for one in seen("ffooffoo")]
    told = [*fold(UP, with_words, POLICY)][-1]
    assert told.sentence == "Flapping: 4 confirmed changes in 1 min. Last wrong: It said f."
    turns = [turn.verdict for turn in fold(standing, seen("ffooffooffoo", start=20), POLICY)]
    assert set(turns) == {Verdict.DEGRADED}


@pytest.mark.parametrize(("letter", "verdict"), [("o", Verdict.UP), ("f", Verdict.DOWN), ("u", Verdict.UNKNOWN)])
def test_flapping_ends_when_observations_agree(letter: str, verdict: Verdict) -> None:
    standing = after(letter * FLAP_CALM, standing=after("ffooffoo"), start=20)
    assert (standing.verdict, standing.is_flapping, standing.flips) == (verdict, False, ())


def test_what_we_could_not_measure_now_and_then_did_not_flap() -> None:
    standing = after("uuoouuoouuoo")
    assert (standing.verdict, standing.is_flapping, standing.flips) == (Verdict.UP, False, ())


def test_slow_changes_are_not_flapping() -> None:
    standing = UP
    for hour, letters in enumerate(["ff", "oo", "ff", "oo", "ff"]):
        standing = after(letters, standing=standing, start=1 + hour * 3_600)
    assert (standing.verdict, standing.is_flapping) == (Verdict.DOWN, False)


def test_a_clock_set_back_does_not_blind_the_judge() -> None:
    standing = after("ooo", start=10_000)
    assert after("ff", standing=standing, start=6_400).verdict is Verdict.DOWN
    assert after("o", standing=standing, start=6_400).verdict is Verdict.UP


def report(location: str, verdict: Verdict, since: float, *, is_live: bool = True) -> Report:
    return Report(location, verdict, since, "refused", "Connection refused.", is_live=is_live)


@pytest.mark.parametrize(
    ("reports", "verdict", "since"),
    [
        pytest.param([("a", "down", 5)], "down", 5, id="one location decides alone"),
        pytest.param([("a", "down", 5), ("b", "up", 1)], "degraded", 5, id="one of two is seen, and is not down"),
        pytest.param([("a", "down", 5), ("b", "down", 7), ("c", "up", 1)], "down", 7, id="two of three, when agreed"),
        pytest.param([("a", "down", 5), ("b", "unknown", 7)], "down", 5, id="who knows nothing has no vote"),
        pytest.param([("a", "unknown", 5), ("b", "unknown", 7)], "unknown", 99, id="nobody knows"),
        pytest.param([("a", "up", 5), ("b", "up", 7)], "up", 7, id="up once the last is"),
        pytest.param([], "unknown", 99, id="nobody reports"),
    ],
)
def test_quorum(reports: list[tuple[str, str, float]], verdict: str, since: float) -> None:
    outcome = quorum([report(place, Verdict(said), at) for place, said, at in reports], now=99)
    assert (outcome.verdict, outcome.since) == (verdict, since)


def test_a_silent_location_has_no_voice() -> None:
    alone = quorum([report("a", Verdict.UP, 1, is_live=False)], now=99)
    assert (alone.verdict, alone.reason) == (Verdict.UNKNOWN, "no_report")
    outvoted = quorum([report("a", Verdict.UP, 1, is_live=False), report("b", Verdict.DOWN, 2)], now=99)
    assert outvoted.verdict is Verdict.DOWN


def test_a_takeover_is_no_silence() -> None:
    assert stale_after_s(1, 1) > 15


letters = st.text("owfu", max_size=40)
policies = st.tuples(*[st.integers(1, 4)] * 4).map(
    lambda four: Policy(min(four[0], four[1]), max(four[0], four[1]), min(four[2], four[3]), max(four[2], four[3]))
)


@given(letters, policies, st.randoms())
def test_order_of_arrival_within_a_batch_does_not_matter(text: str, policy: Policy, random: object) -> None:
    shuffled = seen(text)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert list(fold(UP, shuffled, policy)) == list(fold(UP, seen(text), policy))


@given(letters, policies, st.integers(0, 40))
def test_batches_may_be_cut_anywhere_and_sent_twice(text: str, policy: Policy, cut: int) -> None:
    assert after(text, policy, standing=after(text[:cut], policy)) == after(text, policy)


@given(letters, policies)
def test_starts_only_move_forward_and_lie_within_what_was_seen(text: str, policy: Policy) -> None:
    previous = UP
    for turn in fold(UP, seen(text), policy):
        if turn.verdict is not previous.verdict:
            assert previous.since < turn.since <= turn.confirmed_at
        else:
            assert turn.since == previous.since
        previous = turn


@given(policies, st.sampled_from("owfu"))
def test_unanimous_observations_always_decide(policy: Policy, letter: str) -> None:
    expected = {"o": Verdict.UP, "w": Verdict.DEGRADED, "f": Verdict.DOWN, "u": Verdict.UNKNOWN}
    assert after(letter * 8, policy).verdict is expected[letter]
