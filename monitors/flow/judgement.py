"""Own the reading of a queue: one word, its cause in a sentence, the rates, and when it will be drained."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from math import ceil
from statistics import median

from monitors.flow.memory import AgeLevel, Memory
from monitors.flow.sample import Context, Policy, Sample
from monitors.wording import count, in_words, rate

SAMPLES_FOR_ETA = 3
STEADY_RATIO = 0.01
"""A net rate within 1 % of the ack rate is noise around a steady queue: no drain time is made of it."""
GROWING_RATIO = 0.05
GROWING_BACKLOG_S = 10.0
"""A backlog below ten seconds of work is a ripple, not growth."""


class Word(StrEnum):
    """What a queue does. Stalled, delayed and slow are late, not lost."""

    FLOWING = "flowing"
    EMPTY = "empty"
    GROWING = "growing"
    SLOW = "slow"
    DELAYED = "delayed"
    STALLED = "stalled"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Eta:
    """Seconds until the queue is drained. `basis` is `measured` (from the net rate) or `at_least` (stalled:
    what is waiting at the best rate lately seen, if sending resumed now)."""

    seconds: float
    low_s: float | None
    high_s: float | None
    basis: str


@dataclass(frozen=True, slots=True)
class FlowState:
    """One reading. `at` is the sample's, `since` is known where the word began earlier than this reading.

    `missing` is the confirmed conservation residual: > 0 lost, < 0 duplicated; `residual` the running one.
    """

    word: Word
    cause: str
    sentence: str
    at: datetime | None = None
    since: datetime | None = None
    ingress_rate: float | None = None
    ack_rate: float | None = None
    delivered_rate: float | None = None
    net_rate: float | None = None
    oldest_s: float | None = None
    eta: Eta | None = None
    residual: int | None = None
    missing: int = 0
    is_upper_bound: bool = False
    is_serious: bool = False


def judge(memory: Memory, now: datetime, policy: Policy, context: Context) -> FlowState:
    """What the queue is doing at `now`."""
    last = memory.last
    if last is None:
        return FlowState(Word.UNKNOWN, "no_sample", "Nothing is known of this queue yet.")
    age_s = (now - last.at).total_seconds()
    if age_s > policy.stale_s:
        return FlowState(Word.UNKNOWN, "source_stale", stale_sentence(age_s), at=last.at)
    word, cause, sentence, is_serious = reading(memory, last, policy, context)
    return FlowState(
        word=word,
        cause=cause,
        sentence=sentence,
        at=last.at,
        since=memory.still_since if word == Word.STALLED else None,
        ingress_rate=memory.ingress_rate,
        ack_rate=memory.ack_rate,
        delivered_rate=memory.delivered_rate,
        net_rate=memory.net_rate,
        oldest_s=oldest_s(last),
        eta=drain_eta(memory, last, context),
        residual=memory.ledger.residual,
        missing=memory.ledger.missing,
        is_upper_bound=memory.ledger.is_upper_bound,
        is_serious=is_serious,
    )


def stale_sentence(age_s: float) -> str:
    return f"No figures for {in_words(age_s)}."


def oldest_s(last: Sample) -> float | None:
    if last.oldest_at is None or last.depth == 0:
        return None
    return max((last.at - last.oldest_at).total_seconds(), 0.0)


Reading = tuple[Word, str, str, bool]
"""Word, cause, sentence, and whether it is as bad as an outage."""


def reading(memory: Memory, last: Sample, policy: Policy, context: Context) -> Reading:
    """The worst that holds, first match wins."""
    return (
        blocked(last)
        or stalled(memory, last, context)
        or delayed(memory, last, AgeLevel.FAIL, policy)
        or slow(memory, last, policy, context)
        or delayed(memory, last, AgeLevel.WARN, policy)
        or growing(memory, last)
        or calm(memory, last)
    )


def blocked(last: Sample) -> Reading | None:
    if last.blocked is None:
        return None
    return Word.STALLED, "publishers_blocked", f"Publishers are blocked: {last.blocked}.", True


def stalled(memory: Memory, last: Sample, context: Context) -> Reading | None:
    if not memory.is_stalled or memory.still_since is None:
        return None
    still_s = (last.at - memory.still_since).total_seconds()
    waiting = f"{count(last.depth)} waiting, nothing acknowledged for {in_words(still_s)}"
    paused_by = context.held_reason or last.held
    if paused_by:
        sentence = f"Sending is paused on purpose ({paused_by}): {count(last.depth)} waiting."
        return Word.STALLED, "offline_mode", sentence, False
    if last.consumers == 0:
        return Word.STALLED, "no_consumers", f"No consumer is connected: {waiting}.", True
    if last.in_flight:
        held = f"{holders(last.consumers)} {count(last.in_flight)} unacknowledged"
        return Word.STALLED, "stuck_consumer", f"{held}: {waiting}.", True
    return Word.STALLED, "no_ack", f"Consumers take nothing: {waiting}.", True


def holders(consumers: int | None) -> str:
    if consumers == 1:
        return "One consumer holds"
    return f"{count(consumers)} consumers hold" if consumers else "The consumers hold"


def delayed(memory: Memory, last: Sample, level: AgeLevel, policy: Policy) -> Reading | None:
    age_s, limit_s = oldest_s(last), policy.oldest_fail_s if level == AgeLevel.FAIL else policy.oldest_warn_s
    if memory.age_level != level or age_s is None or limit_s is None:
        return None
    sentence = f"The oldest mail has waited {in_words(age_s)}; the limit is {in_words(limit_s)}."
    return Word.DELAYED, f"oldest_{level}", sentence, level == AgeLevel.FAIL


def slow(memory: Memory, last: Sample, policy: Policy, context: Context) -> Reading | None:
    """Sending lags: against the usual rate of this hour, or with the link full, while the backlog grows."""
    if not last.depth or memory.ack_rate is None or net_now(memory) >= 0:
        return None
    if last.utilisation is not None and last.utilisation >= policy.full_ratio:
        rates = f"{rate(memory.ack_rate)} acknowledged, {rate(memory.ingress_rate)} coming in"
        return Word.SLOW, "link_full", f"The link is {percent(last.utilisation)} full: {rates}.", False
    usual = context.usual_ack_rate
    if usual and memory.ack_rate < policy.slow_ratio * usual:
        share = percent(memory.ack_rate / usual)
        return Word.SLOW, "below_usual", f"Ack rate is {share} of the usual {rate(usual)} of this hour.", False
    return None


def growing(memory: Memory, last: Sample) -> Reading | None:
    if len(memory.nets) < SAMPLES_FOR_ETA or not last.depth:
        return None
    ingress, ack = memory.ingress_rate or 0.0, memory.ack_rate or 0.0
    is_backlog = last.depth > GROWING_BACKLOG_S * max(ack, 0.1)
    net = net_now(memory)
    if not is_backlog or net >= -GROWING_RATIO * max(ingress, ack):
        return None
    sentence = f"More comes in than goes out: {rate(-net)} short, {count(last.depth)} waiting."
    return Word.GROWING, "capacity_exceeded", sentence, False


def calm(memory: Memory, last: Sample) -> Reading:
    if last.depth is None:
        return Word.UNKNOWN, "depth_not_told", "The source answers, and does not tell how much is waiting.", False
    if last.depth == 0:
        return Word.EMPTY, "empty", "Nothing is waiting.", False
    oldest = oldest_s(last)
    tail = "" if oldest is None else f", none longer than {in_words(oldest)}"
    return Word.FLOWING, "flowing", f"{count(last.depth)} waiting{tail}.", False


def drain_eta(memory: Memory, last: Sample, context: Context) -> Eta | None:
    """None when growing, steady, or seen too briefly: no number is better than a wrong one."""
    if last.depth == 0:
        return Eta(0.0, 0.0, 0.0, "measured")
    if last.depth is None:
        return None
    if memory.is_stalled:
        return resumed_eta(memory, last.depth, context)
    net = memory.net_rate
    steady = STEADY_RATIO * (memory.ack_rate or 0.0)
    # The smoothed rate remembers a minute: where the queue has begun to grow since, it promises what is over.
    if net is None or len(memory.nets) < SAMPLES_FOR_ETA or net <= steady or net_now(memory) <= 0:
        return None
    seconds = last.depth / net
    low, high = percentile(memory.nets, 0.9), percentile(memory.nets, 0.1)
    low_s = min(last.depth / low, seconds) if low > 0 else seconds
    # With the slow tenth of steps not draining at all there is no upper end to name.
    high_s = max(last.depth / high, seconds) if high > 0 else None
    return Eta(seconds, low_s, high_s, "measured")


def resumed_eta(memory: Memory, depth: int, context: Context) -> Eta | None:
    """The least time that it takes once sending resumes, at the best rate lately seen; grows with the queue."""
    best = max(memory.peak_ack_rate or 0.0, context.usual_ack_rate or 0.0)
    if best <= 0:
        return None
    # What comes in meanwhile makes it longer, by an amount that nobody knows before sending resumes.
    return Eta(depth / best, depth / best, None, "at_least")


def net_now(memory: Memory) -> float:
    """The net rate of the last moments: the median of the last five, 0 when nothing is known."""
    return median(memory.nets[-5:]) if memory.nets else 0.0


def percent(ratio: float) -> str:
    return f"{ratio * 100:.0f} %"


def percentile(values: tuple[float, ...], share: float) -> float:
    """The nearest-rank percentile; `values` is not empty."""
    ordered = sorted(values)
    return ordered[max(ceil(share * len(ordered)) - 1, 0)]
