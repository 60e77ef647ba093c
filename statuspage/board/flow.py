"""Own the flow strip (pure): accepting, waiting, sending, delivered, a figure each, and the place where mail stops.

What leaves a queue is not all delivered: some bounces. Where no queue tells the two apart, the last stage says when
the queues are drained, and nothing of delivery.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import floor

from monitors.flow import Word
from monitors.selectors.queues import QueueView
from monitors.wording import count, in_words, listed, rate
from statuspage.board.doors import Door
from statuspage.board.queues import SEVERITY, QueueCard

NONE = "\N{EN DASH}"
FULL_PIPE = 10.0
THIN_PIPE = 2.0
BRIM_S = 300.0
SLOWEST_RATE = 0.1
UNTIL_EMPTY = "until nothing waits"


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of the way. `state` is empty where the step says nothing of its own. `pipe` is drawn 0..10 thick.

    `is_stopped` closes the pipe before this step.
    """

    name: str
    figure: str
    state: str
    sentence: str
    pipe: float = 0.0
    is_stopped: bool = False

    @property
    def pipe_top(self) -> float:
        return (FULL_PIPE - self.pipe) / 2

    @property
    def number(self) -> str:
        return self.figure.partition("/")[0]

    @property
    def unit(self) -> str:
        return self.figure[len(self.number) :]


@dataclass(frozen=True, slots=True)
class Flow:
    stages: tuple[Stage, ...]
    summary: str


def flow(queues: Sequence[QueueCard], doors: Sequence[Door]) -> Flow:
    """Sums run over the queues that are known; how many are not is said beside the figure."""
    known = [queue.view for queue in queues if queue.is_known]
    coming = total(known, lambda view: view.ingress_rate)
    going = total(known, lambda view: view.ack_rate)
    fastest = max(coming or 0.0, going or 0.0)
    stages = (
        accepting(doors, coming, thickness(coming, fastest)),
        waiting(queues, known, fill(known, going)),
        sending(queues, going, thickness(going, fastest)),
        delivered(queues, known, fastest) or drained(queues, known, thickness(going, fastest)),
    )
    return Flow(stages, summary(stages))


def total(views: Sequence[QueueView], figure: Callable[[QueueView], float | None]) -> float | None:
    """None where nothing is known: missing is not zero."""
    values = [value for value in map(figure, views) if value is not None]
    return sum(values) if values else None


def thickness(value: float | None, fastest: float) -> float:
    if not value:
        return 0.0
    return max(THIN_PIPE, FULL_PIPE * value / fastest)


def fill(known: Sequence[QueueView], going: float | None) -> float:
    """How full the tank is drawn: brim-full holds what takes five minutes to send."""
    depth = total(known, lambda view: view.depth)
    if not depth:
        return 0.0
    return max(THIN_PIPE, min(FULL_PIPE, FULL_PIPE * depth / (BRIM_S * max(going or 0.0, SLOWEST_RATE))))


def accepting(doors: Sequence[Door], coming: float | None, pipe: float) -> Stage:
    if not doors:
        return Stage("Accepting", rate(coming), "", "no API or SMTP is watched", pipe)
    worst = min(doors, key=lambda door: SEVERITY[door.state])
    if worst.state == "up":
        names = [door.name for door in doors]
        verb = "accepts" if len(names) == 1 else "accept"
        return Stage("Accepting", rate(coming), "up", f"{listed(names)} {verb}", pipe)
    is_stopped = all(door.state == "down" for door in doors)
    return Stage("Accepting", rate(coming), worst.state, worst.said, pipe, is_stopped)


def waiting(queues: Sequence[QueueCard], known: Sequence[QueueView], tank: float) -> Stage:
    depth = total(known, lambda view: view.depth)
    oldest_s = max((view.oldest_s for view in known if view.oldest_s is not None), default=None)
    figure = NONE if depth is None else count(int(depth))
    if not queues:
        return Stage("Waiting", NONE, "", "no queue is watched")
    age = "" if oldest_s is None else f"oldest {in_words(oldest_s)}"
    if any(queue.state == "delayed" for queue in queues):
        return Stage("Waiting", figure, "delayed", ", ".join(filter(None, ("Delayed", age))), tank)
    unknown = len(queues) - len(known)
    if unknown:
        told = f"{unknown} of {len(queues)} queues unknown" if len(queues) > 1 else "queue unknown"
        return Stage("Waiting", figure, "unknown", ", ".join(filter(None, (age, told))), tank)
    spread = f"in {len(queues)} queues" if len(queues) > 1 else "in the queue"
    return Stage("Waiting", figure, "", ", ".join(filter(None, (spread, age))), tank)


def sending(queues: Sequence[QueueCard], going: float | None, pipe: float) -> Stage:
    stalled = [queue for queue in queues if queue.view.word == Word.STALLED and queue.is_known]
    troubled = [queue for queue in queues if queue.state != "up"]
    if not troubled:
        return Stage("Sending", rate(going), "up" if queues else "", "keeping up" if queues else "", pipe)
    worst = min(troubled, key=lambda queue: SEVERITY[queue.state])
    name = f"{worst.view.name}: " if len(queues) > 1 else ""
    is_stopped = bool(stalled) and not going
    return Stage("Sending", rate(going), worst.state, f"{name}{worst.word.lower()}", pipe, is_stopped)


def delivered(queues: Sequence[QueueCard], known: Sequence[QueueView], fastest: float) -> Stage | None:
    """What the other side took, of the queues that tell it, and when all are drained; None where none tells."""
    telling = [view for view in known if view.delivered_rate is not None]
    taken, gone = total(telling, lambda view: view.delivered_rate), total(telling, lambda view: view.ack_rate)
    if taken is None:
        return None
    figure, words = drain(queues, known)
    when = f"drained in {figure}" if words == UNTIL_EMPTY else f"{figure}, {words}"
    reach = f"told by {len(telling)} of {len(known)} queues" if len(telling) < len(known) else ""
    said = "; ".join(filter(None, (share(taken, gone), reach, when)))
    return Stage("Delivered", rate(taken), "", said + balance(known), thickness(taken, fastest))


def share(taken: float, gone: float | None) -> str:
    """Rounded down: one bounce in a million is not all."""
    if not gone:
        return ""
    return "all that goes" if taken >= gone else f"{floor(1000 * taken / gone) / 10:g} % of what goes"


def drained(queues: Sequence[QueueCard], known: Sequence[QueueView], pipe: float) -> Stage:
    name = "Drained at this rate"
    if not known:
        return Stage(name, NONE, "", "", 0.0)
    figure, words = drain(queues, known)
    return Stage(name, figure, "", words + balance(known), pipe)


def drain(queues: Sequence[QueueCard], known: Sequence[QueueView]) -> tuple[str, str]:
    """When nothing waits any more: the figure, and what it means."""
    growing = total(known, lambda view: view.growing_by)
    etas = [view.eta_s for view in known if view.eta_s is not None]
    if growing and any(queue.state != "up" for queue in queues):
        return "growing", f"short by {rate(growing)}"
    if all(view.depth == 0 for view in known):
        return "empty", "nothing waits"
    if etas:
        return in_words(max(etas)), UNTIL_EMPTY
    return "steady", "as much goes as comes"


def balance(known: Sequence[QueueView]) -> str:
    """How well in = out + waiting adds up; nothing where no source told enough to say."""
    residuals = [view.residual for view in known if view.residual is not None]
    return f"; in = out + waiting, residual {count(sum(residuals))}" if residuals else ""


def summary(stages: Sequence[Stage]) -> str:
    """The picture in words."""
    stop = next((stage.name.lower() for stage in stages if stage.is_stopped), None)
    figures = ", ".join(f"{stage.name.lower()} {stage.figure}" for stage in stages)
    return f"Mail stops at {stop}: {figures}" if stop else f"Mail flows: {figures}"
