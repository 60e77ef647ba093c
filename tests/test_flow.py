"""Queue arithmetic: rates, drain time, stalls, ages and conservation, from samples alone."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from monitors.flow import Context, Policy, Sample, Word, judge, replay

START = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def test_rates_come_from_deltas() -> None:
    policy = Policy(interval_s=1)
    memory = replay(
        [Sample(at(second), depth=10, in_total=5 * second, out_total=5 * second) for second in range(10)], policy
    )
    state = judge(memory, at(9), policy, Context())
    assert (state.word, state.ingress_rate, state.ack_rate) == (Word.FLOWING, 5.0, 5.0)
