"""Own watching a queue in tests as the prober does: look after look on a schedule, each advancing the flow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from monitors.flow import Context, Event, FlowState, Memory, Policy, Sample, advance, judge
from monitors.queues import SOURCES, Ask, QueueOptions, SourceError, look


class Watch:
    """One queue, looked at every `interval_s`. `until` fails after the looks that are allowed."""

    def __init__(
        self, interval_s: float = 0.5, monitor_id: int = 1, policy: dict[str, Any] | None = None, **options: Any
    ):
        self.options = QueueOptions.model_validate(options).root
        self.source = SOURCES[self.options.source]
        told = Policy(interval_s=interval_s, evident_after_s=interval_s)
        self.policy = replace(told, **{**self.source.traits(self.options), **(policy or {})})
        self.ask = Ask(monitor_id, self.options, 5.0, interval_s)
        self.memory = Memory()
        self.error: SourceError | None = None
        self.events: list[Event] = []

    async def look(self) -> FlowState:
        self.error = None
        try:
            for sample in await look(self.ask):
                self.memory = advance(self.memory, sample, self.policy)
                self.events += self.memory.events
        except SourceError as error:
            self.error = error
        return self.state

    @property
    def state(self) -> FlowState:
        return judge(self.memory, datetime.now(UTC), self.policy, Context())

    @property
    def last(self) -> Sample:
        assert self.memory.last is not None
        return self.memory.last

    async def poll(self, seen: Callable[[Watch], bool], polls: int = 3) -> FlowState:
        """Go on with the schedule, the first poll an interval from now, until it is seen."""
        await asyncio.sleep(self.policy.interval_s)  # the schedule, not a wait for something
        return await self.until(seen, looks=polls)

    async def until(self, seen: Callable[[Watch], bool], looks: int = 3) -> FlowState:
        """Look on schedule until it is seen; the first look is now."""
        state = await self.look()
        for _ in range(looks - 1):
            if seen(self):
                return state
            await asyncio.sleep(self.policy.interval_s)  # the schedule, not a wait for something
            state = await self.look()
        assert seen(self), f"not seen in {looks} looks: {state}, {self.memory.last}, {self.error!r}"
        return state
