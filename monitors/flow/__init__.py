"""Own the arithmetic of queues: rates, drain time, stalls, ages, conservation. Pure: no clock, no I/O, no ORM.

    sample -> advance(memory, sample, policy) -> memory -> judge(memory, now, policy, context) -> FlowState

`Memory` is a value: the same samples in the same order give the same memory, so a prober that starts
again replays the last minutes and goes on where its predecessor stopped.
"""

from __future__ import annotations

from monitors.flow.judgement import FlowState, Word, judge
from monitors.flow.ledger import Anchor, Ledger
from monitors.flow.memory import AgeLevel, Event, Memory, advance, replay
from monitors.flow.sample import Context, Policy, Sample

__all__ = [
    "AgeLevel",
    "Anchor",
    "Context",
    "Event",
    "FlowState",
    "Ledger",
    "Memory",
    "Policy",
    "Sample",
    "Word",
    "advance",
    "judge",
    "replay",
]
