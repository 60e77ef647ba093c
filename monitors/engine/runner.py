"""Own the running of checks: at their slots, under a deadline, so many at once overall and so many per host."""

from __future__ import annotations

import asyncio
import gc
import heapq
import logging
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping
from itertools import count

from monitors.engine.held import Held
from monitors.engine.pulse import OVERLOADED, Pulse
from monitors.probes import Kind, Observed
from monitors.results import ProbeResult, Result
from monitors.schedule import SECOND_US, is_out_of_reach, moment, next_slot, recorded_at
from monitors.verdicts import is_unsettled

AT_ONCE = 400
"""Checks running at the same time: bounds sockets and memory."""
AT_ONCE_PER_HOST = 16
"""Enough for hundreds of checks a second on one host, few enough to be no load test of it."""
GRACE_S = 1.0
"""A probe ends itself at its timeout; what has not a second later is ended from outside."""
LONGEST_SLEEP_S = 1.0
"""The loop looks at the wall clock at least that often, so that a clock that jumps is noticed."""

OVERDUE = "overdue"

log = logging.getLogger(__name__)


def wall_us() -> int:
    return time.time_ns() // 1_000


class Runner:
    """Runs what it holds. `on_done` gets each finished check and whether it contradicts the verdict."""

    def __init__(
        self,
        on_done: Callable[[Held, Observed, bool], None],
        *,
        now_us: Callable[[], int] = wall_us,
        at_once: int = AT_ONCE,
        at_once_per_host: int = AT_ONCE_PER_HOST,
    ) -> None:
        self.on_done, self.now_us = on_done, now_us
        self.at_once, self.at_once_per_host = at_once, at_once_per_host
        self.lags_us: deque[int] = deque(maxlen=4_096)
        self.pulse = Pulse()
        self.finished = 0
        self.skipped = 0
        self._due: list[tuple[int, int, Held]] = []
        self._order = count()
        self._running: dict[asyncio.Task[None], float] = {}
        """Every running check, and when it is overdue, by the loop's clock."""
        self._per_host: dict[str, int] = defaultdict(int)
        self._waiting: dict[str, deque[Held]] = defaultdict(deque)
        self._timer: asyncio.TimerHandle | None = None
        # Asked once: asyncio asks the kernel for our pid each time, which was a twelfth of a check's cost.
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_stopping = False
        self._looked_at_s = 0.0

    @property
    def loop(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
        return self._loop

    def hold(self, held: Iterable[Held]) -> None:
        for one in held:
            self._push(one)
        self._arm()

    def hasten(self, held: Held) -> None:
        """Check now; a check that is running or waiting counts as that."""
        if not held.is_running:
            held.due_us = self.now_us()
            self._push(held)
            self._arm()

    def drop(self, held: Held) -> None:
        held.is_dropped = True

    async def drain(self) -> None:
        """Start nothing more, and wait for what runs; its deadlines bound the wait."""
        self._is_stopping = True
        if self._timer:
            self._timer.cancel()
        while self._running:
            await asyncio.wait(self._running, timeout=LONGEST_SLEEP_S)
            self._end_overdue()

    def _push(self, held: Held) -> None:
        heapq.heappush(self._due, (held.due_us, next(self._order), held))

    def _arm(self) -> None:
        if self._timer:
            self._timer.cancel()
        if self._is_stopping:
            return
        wait_s = LONGEST_SLEEP_S
        if self._due:
            wait_s = min(max((self._due[0][0] - self.now_us()) / SECOND_US, 0.0), LONGEST_SLEEP_S)
        self._timer = self.loop.call_later(wait_s, self._wake)

    def _wake(self) -> None:
        now_us = self.now_us()
        self._end_overdue()
        self._reach_back(now_us)
        while self._due and self._due[0][0] <= now_us:
            due_us, _, held = heapq.heappop(self._due)
            # An entry that was hastened or rescheduled since is stale: the one that counts says the same as the watch.
            if not held.is_dropped and not held.is_running and held.due_us == due_us:
                self._start_or_wait(held)
        self._arm()

    def _end_overdue(self) -> None:
        """One look a second over all that runs costs less than a timer for each."""
        now_s = self.loop.time()
        if now_s - self._looked_at_s >= LONGEST_SLEEP_S:
            self._looked_at_s = now_s
            for task in [task for task, deadline_s in self._running.items() if deadline_s < now_s]:
                task.cancel(OVERDUE)

    def _reach_back(self, now_us: int) -> None:
        """After the clock was set back, do not wait for slots of the time before."""
        if not self._due or not is_out_of_reach(self._due[0][0], now_us, self._due[0][2].interval_us):
            return
        for _, _, held in self._due:
            if is_out_of_reach(held.due_us, now_us, held.interval_us):
                held.due_us = next_slot(held.due_us, now_us, held.interval_us, held.phase_us, is_unsettled=False)
        self._due = [(held.due_us, next(self._order), held) for _, _, held in self._due]
        heapq.heapify(self._due)

    def _start_or_wait(self, held: Held) -> None:
        held.is_running = True
        if len(self._running) >= self.at_once or self._per_host[held.host] >= self.at_once_per_host:
            self._waiting[held.host].append(held)
        else:
            self._start(held)

    def _start(self, held: Held) -> None:
        self._per_host[held.host] += 1
        held.task = self.loop.create_task(self._run(held))
        self._running[held.task] = self.loop.time() + held.check.timeout_s + GRACE_S

    async def _run(self, held: Held) -> None:
        slot_us, started_us, started_s = held.due_us, self.now_us(), time.monotonic()
        self.lags_us.append(started_us - slot_us)
        try:
            result = await probe(held)
        except asyncio.CancelledError as cancelled:
            if cancelled.args != (OVERDUE,):
                raise
            result = overran(held)
        finally:
            self._leave(held)
        result = self.pulse.believed(result, held.check, started_s)
        at_us = recorded_at(slot_us, started_us, held.last_us)
        held.last_us = at_us
        # Looking again at once would only add to the load.
        is_news = is_unsettled(held.standing, result.result) and result.reason != OVERLOADED
        self._schedule_next(held, slot_us, is_news)
        self.finished += 1
        self.on_done(held, Observed(held.check, held.location_id, moment(at_us), result), is_news)

    def _leave(self, held: Held) -> None:
        held.is_running = False
        assert held.task is not None
        del self._running[held.task]
        held.task = None
        self._per_host[held.host] -= 1
        if not self._per_host[held.host]:
            del self._per_host[held.host]
        if self._waiting:
            self._start_waiting(held.host)

    def _start_waiting(self, host: str) -> None:
        """Let the next one in: of the same host where one waits, else of the first that has room."""
        for name in (host, *self._waiting):
            queue = self._waiting.get(name)
            while queue and queue[0].is_dropped:
                queue.popleft()
            is_room = queue and self._per_host[name] < self.at_once_per_host
            if queue and is_room:
                self._start(queue.popleft())
            if queue is not None and not queue:
                del self._waiting[name]
            if is_room:
                return

    def _schedule_next(self, held: Held, slot_us: int, is_news: bool) -> None:
        if held.is_dropped or self._is_stopping:
            return
        now_us = self.now_us()
        held.due_us = next_slot(slot_us, now_us, held.interval_us, held.phase_us, is_unsettled=is_news)
        self.skipped += max((now_us - slot_us) // held.interval_us, 0)
        self._push(held)
        if self._due[0][2] is held:
            self._arm()


def calm_collector() -> None:
    """Let the garbage collector leave alone what stays for ever: walking all of it again and again costs 3-5 %."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 50)


async def probe(held: Held) -> ProbeResult:
    """Run one check. What goes wrong in the probe itself is `unknown`; its caller ends it when it overruns."""
    try:
        return await held.kind.run(held.check)
    except Exception as error:
        log.exception("a probe raised", extra={"monitor": held.check.slug, "kind": held.check.kind})
        return own_fault("probe_error", f"The probe itself failed: {type(error).__name__}: {error}"[:500])


async def close_kinds(kinds: Mapping[str, Kind]) -> None:
    """Let every kind give back what it keeps open between runs."""
    for kind in kinds.values():
        if kind.close is not None:
            await kind.close()


def overran(held: Held) -> ProbeResult:
    return own_fault("probe_overran", f"The probe did not end within its timeout of {held.check.timeout_s:g} s.")


def own_fault(reason: str, sentence: str) -> ProbeResult:
    """Our own failure says nothing about the target."""
    return ProbeResult(Result.UNKNOWN, reason, sentence)
