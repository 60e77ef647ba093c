"""Own what is remembered of a queue from sample to sample: the running rates, the standstill, the age level."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from statistics import median

from monitors.flow import ledger as conservation
from monitors.flow.ledger import Ledger
from monitors.flow.sample import Policy, Sample
from monitors.wording import count

TAU_S = 60.0
"""Time constant of the smoothed net rate."""
PEAK_TAU_S = 3_600.0
"""A peak ack rate is forgotten over hours, not minutes: it says what the senders can do."""
NETS_KEPT = 60
GAPS_KEPT = 20
STILL_INTERVALS = 3
STILL_INTERVALS_HELD = 2
"""Where it is also seen who holds the mail, the third look after the last movement need not be waited for."""
JITTER_RATIO = 0.25
"""Looks come a little early or late: the third one must not miss three intervals by a hair."""
STEPS_TO_CLEAR = 2
"""One acknowledgement may be a twitch; a stall ends after two steps forward."""
AGE_CLEARS_AT = 0.8
"""An age level ends when the oldest mail is clearly younger than the threshold, so that it does not flap."""


class AgeLevel(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened between two samples: `counter_reset` or `clock_step`."""

    kind: str
    at: datetime
    sentence: str


@dataclass(frozen=True, slots=True)
class Memory:
    """What `advance` keeps. `run` is the unbroken run of samples that rates are taken over, newest last.

    `known` is the last sample, completed with what earlier ones told since the counters last began: a source
    that has just started answers before it knows, and such an answer must not hide the restart.
    `nets` are the last net rates (ack - ingress) and `net_rate` their exponential average; `gaps` the last
    times between two acknowledgements while mail waited. `still_since` is the last sample that is known
    to precede the standstill. `events` are those of the last advance only.
    """

    run: tuple[Sample, ...] = ()
    known: Sample | None = None
    ingress_rate: float | None = None
    ack_rate: float | None = None
    delivered_rate: float | None = None
    net_rate: float | None = None
    nets: tuple[float, ...] = ()
    gaps: tuple[float, ...] = ()
    moved_at: datetime | None = None
    still_since: datetime | None = None
    is_stalled: bool = False
    steps_forward: int = 0
    peak_ack_rate: float | None = None
    age_level: AgeLevel = AgeLevel.OK
    ledger: Ledger = field(default_factory=Ledger)
    events: tuple[Event, ...] = ()

    @property
    def last(self) -> Sample | None:
        return self.run[-1] if self.run else None


def replay(samples: Iterable[Sample], policy: Policy, memory: Memory | None = None) -> Memory:
    """The memory after all samples, in the order given."""
    memory = memory or Memory()
    for sample in samples:
        memory = advance(memory, sample, policy)
    return memory


def advance(memory: Memory, sample: Sample, policy: Policy) -> Memory:
    """The memory after one more sample. A sample at the same instant or a late push changes nothing."""
    last = memory.last
    if last is None:
        return first(memory, sample, policy)
    if sample.at == last.at or (sample.at < last.at and policy.is_pushed):
        return replace(memory, events=())
    if sample.at < last.at:
        return after_clock_step(memory, sample, policy)
    known = memory.known or last
    reset = reset_between(known, sample, policy)
    dt = (sample.at - last.at).total_seconds()
    if reset is not None:
        unseen = (memory.ack_rate or 0.0) * dt
        ledger = conservation.restart(memory.ledger, known, sample.at, unseen)
        memory = replace(memory, run=(), known=None, ledger=ledger)
    elif dt > policy.gap_s:
        memory = replace(memory, run=())
        if dt > TAU_S:
            # The smoothed rate remembers a minute: of what is longer ago it would make a promise.
            memory = replace(memory, net_rate=None, nets=())
    memory = with_figures(memory, sample, policy)
    if reset is not None:
        return replace(memory, events=(reset,))
    return replace(with_standstill(with_net(memory, dt), last, sample, policy), events=())


def first(memory: Memory, sample: Sample, policy: Policy) -> Memory:
    return replace(
        memory,
        run=(sample,),
        known=completed(sample, memory.known),
        age_level=age_level(memory.age_level, sample, policy),
        ledger=conservation.observe(memory.ledger, sample, policy, None),
        events=(),
    )


def completed(sample: Sample, known: Sample | None) -> Sample:
    if known is None:
        return sample
    return replace(
        sample,
        depth=known.depth if sample.depth is None else sample.depth,
        in_total=known.in_total if sample.in_total is None else sample.in_total,
        out_total=known.out_total if sample.out_total is None else sample.out_total,
        delivered_total=known.delivered_total if sample.delivered_total is None else sample.delivered_total,
        epoch=known.epoch if sample.epoch is None else sample.epoch,
    )


def after_clock_step(memory: Memory, sample: Sample, policy: Policy) -> Memory:
    """The poller's clock was set back: no rate over this step, everything dated later is forgotten."""
    event = Event("clock_step", sample.at, "The clock of the prober was set back; rates start again.")
    anchor = memory.ledger.anchor
    ledger = replace(
        memory.ledger,
        anchor=replace(anchor, at=sample.at) if anchor else None,
        tail=(),
        missing_since=sample.at if memory.ledger.missing else None,
        changed_at=sample.at if memory.ledger.missing else None,
    )
    still_since = sample.at if memory.still_since else None
    memory = replace(memory, run=(), still_since=still_since, moved_at=None, ledger=ledger)
    return replace(
        first(memory, sample, policy), ingress_rate=None, ack_rate=None, delivered_rate=None, events=(event,)
    )


def reset_between(last: Sample, sample: Sample, policy: Policy) -> Event | None:
    """Whether the counters began again: another epoch, a counter that fell, or one that went away."""
    if last.epoch is not None and sample.epoch is not None and last.epoch != sample.epoch:
        return Event("counter_reset", sample.at, "The source was restarted; its counters began again.")
    pairs = [
        ("in", last.in_total, sample.in_total),
        ("out", last.out_total, sample.out_total),
        ("delivered", last.delivered_total, sample.delivered_total),
    ]
    for name, before, after in pairs:
        if before is not None and after is not None and after < before:
            return Event("counter_reset", sample.at, f"The {name} counter fell from {count(before)} to {count(after)}.")
    is_gone = policy.is_gone_reset and sample.depth is not None
    if is_gone and any(before is not None and after is None for _, before, after in pairs):
        return Event("counter_reset", sample.at, "The source dropped its counters; they began again.")
    return None


def with_figures(memory: Memory, sample: Sample, policy: Policy) -> Memory:
    run = (*memory.run, sample)
    # The newest sample at or before the window's start stays, so that the rate covers the whole window.
    while len(run) > 2 and (sample.at - run[1].at).total_seconds() >= policy.window_s:
        run = run[1:]
    ingress = rate([(kept.at, kept.in_total) for kept in run])
    ack = rate([(kept.at, kept.out_total) for kept in run])
    busiest = max((told for told in (ingress, ack) if told is not None), default=None)
    return replace(
        memory,
        run=run,
        known=completed(sample, memory.known),
        ingress_rate=ingress,
        ack_rate=ack,
        delivered_rate=rate([(kept.at, kept.delivered_total) for kept in run]),
        age_level=age_level(memory.age_level, sample, policy),
        ledger=conservation.observe(memory.ledger, sample, policy, busiest),
    )


def rate(readings: list[tuple[datetime, int | None]]) -> float | None:
    """Per second from the first to the last reading; None unless the last is told and another before it."""
    told = [(at, total) for at, total in readings if total is not None]
    if len(told) < 2 or readings[-1][1] is None:
        return None
    return (told[-1][1] - told[0][1]) / (told[-1][0] - told[0][0]).total_seconds()


def with_net(memory: Memory, dt: float) -> Memory:
    if memory.ingress_rate is None or memory.ack_rate is None:
        return memory
    net = memory.ack_rate - memory.ingress_rate
    smoothed = memory.net_rate
    # An irregular step weighs by its length, so that missed polls change nothing but the detail.
    smoothed = net if smoothed is None else smoothed + (1 - math.exp(-dt / TAU_S)) * (net - smoothed)
    peak = max(memory.ack_rate, (memory.peak_ack_rate or 0.0) * math.exp(-dt / PEAK_TAU_S))
    return replace(memory, net_rate=smoothed, nets=(*memory.nets, net)[-NETS_KEPT:], peak_ack_rate=peak)


def with_standstill(memory: Memory, last: Sample, sample: Sample, policy: Policy) -> Memory:
    """Follow whether anything leaves while mail waits."""
    if sample.depth == 0:
        return replace(memory, still_since=None, is_stalled=False, steps_forward=0, moved_at=None)
    if has_moved(last, sample):
        return after_movement(memory, sample)
    if not sample.depth or not is_standing(last, sample):
        return memory
    memory = replace(memory, still_since=memory.still_since or last.at)
    if memory.is_stalled or not is_too_long(memory, sample, policy):
        return memory
    return replace(memory, is_stalled=True, steps_forward=0)


def after_movement(memory: Memory, sample: Sample) -> Memory:
    gaps = memory.gaps
    if memory.moved_at is not None:
        gaps = (*gaps, (sample.at - memory.moved_at).total_seconds())[-GAPS_KEPT:]
    memory = replace(memory, gaps=gaps, moved_at=sample.at, steps_forward=memory.steps_forward + 1)
    if memory.is_stalled and memory.steps_forward < STEPS_TO_CLEAR:
        return memory
    return replace(memory, still_since=None, is_stalled=False)


def has_moved(last: Sample, sample: Sample) -> bool:
    before = last.out_total
    if before is None and last.in_total is not None:
        # The source told what came in and nothing of what went out: nothing had gone out yet.
        before = 0
    return before is not None and sample.out_total is not None and sample.out_total > before


def is_standing(last: Sample, sample: Sample) -> bool:
    """Nothing left in this step: the counter stands, or nobody is there who could take anything."""
    if sample.out_total is not None and last.out_total is not None:
        return sample.out_total <= last.out_total
    return sample.consumers == 0 and (last.depth or 0) <= (sample.depth or 0)


def is_too_long(memory: Memory, sample: Sample, policy: Policy) -> bool:
    assert memory.still_since is not None
    still_s = (sample.at - memory.still_since).total_seconds()
    if sample.consumers == 0 or sample.held:
        # Nobody is there to acknowledge, or may: no need to wait for what cannot come.
        return still_s >= min(policy.evident_after_s, policy.stall_after_s)
    usual_gap = 5 * median(memory.gaps) if memory.gaps else 0.0
    intervals = STILL_INTERVALS_HELD if is_held_up(sample) else STILL_INTERVALS
    looked_s = max(intervals * policy.interval_s, 2 * policy.refresh_s) - JITTER_RATIO * policy.interval_s
    return still_s >= max(policy.stall_after_s, looked_s, usual_gap)


def is_held_up(sample: Sample) -> bool:
    """Consumers hold what they do not acknowledge, and take no more of what waits: they have all they may have."""
    return bool(sample.in_flight) and (sample.depth or 0) > (sample.in_flight or 0)


def age_level(before: AgeLevel, sample: Sample, policy: Policy) -> AgeLevel:
    """The level of the oldest mail's age; a level once reached ends at four fifths of its threshold."""
    if sample.depth == 0:
        # Some sources tell a time of zero where nothing waits.
        return AgeLevel.OK
    if sample.oldest_at is None:
        return before
    age_s = (sample.at - sample.oldest_at).total_seconds()
    if is_beyond(age_s, policy.oldest_fail_s, is_on=before == AgeLevel.FAIL):
        return AgeLevel.FAIL
    if is_beyond(age_s, policy.oldest_warn_s, is_on=before != AgeLevel.OK):
        return AgeLevel.WARN
    return AgeLevel.OK


def is_beyond(age_s: float, threshold_s: float | None, *, is_on: bool) -> bool:
    return threshold_s is not None and age_s >= threshold_s * (AGE_CLEARS_AT if is_on else 1.0)
