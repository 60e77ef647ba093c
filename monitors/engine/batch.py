"""Own what a batch of observations amounts to before it is stored (pure): judged standings, rows, evidence."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from monitors.engine.held import Held
from monitors.engine.standings import window_rows
from monitors.probes import Observed
from monitors.results import EVIDENCE_LIMIT_BYTES, Result
from monitors.schedule import SECOND_US
from monitors.verdicts import Seen, Standing, fold


@dataclass(frozen=True, slots=True)
class Judged:
    """One watch after a batch: its new standing, and its latest observation."""

    held: Held
    before: Standing
    standing: Standing
    latest: Observed

    @property
    def is_news(self) -> bool:
        """Whether the verdict or its kind changed, so that monitors and components must be looked at."""
        after, before = self.standing, self.before
        return (after.verdict, after.is_flapping) != (before.verdict, before.is_flapping) or (
            after.confirmed_at > before.confirmed_at
        )


def distinct(batch: Iterable[Observed]) -> list[Observed]:
    """One observation for each instant of a watch: a batch may hold what a replay brought once more."""
    return list({(seen.check.monitor_id, seen.location_id, seen.at): seen for seen in batch}.values())


def holder(observed: Observed, held_by_monitor: Mapping[int, Held]) -> Held | None:
    """The watch of ours that was seen. What a prober of another location left behind tells of another watch."""
    held = held_by_monitor.get(observed.check.monitor_id)
    return held if held is not None and held.location_id == observed.location_id else None


def judged(batch: Iterable[Observed], held_by_monitor: Mapping[int, Held], *, is_late: bool = False) -> list[Judged]:
    """The watches of ours that the batch tells about; who holds a watch no more has no say on it.

    What is late may be older than what is known, when a watch was ours, another's, and ours again: no word on today.
    """
    by_watch: dict[Held, list[Observed]] = {}
    for observed in batch:
        held = holder(observed, held_by_monitor)
        if held is not None and not (is_late and observed.at.timestamp() <= held.standing.last_at):
            by_watch.setdefault(held, []).append(observed)
    return [judge(held, seen) for held, seen in by_watch.items()]


def judge(held: Held, observed: Sequence[Observed]) -> Judged:
    seen = [Seen(one.at.timestamp(), one.result.result, one.result.reason, one.result.sentence) for one in observed]
    standing = held.standing
    for standing in fold(held.standing, seen, held.policy):  # noqa: B007 - the last one counts
        pass
    latest = observed[0] if len(observed) == 1 else max(observed, key=lambda one: one.at)
    return Judged(held, held.standing, standing, latest)


def observation_lines(batch: Iterable[Observed]) -> bytes:
    """The batch in COPY's text format."""
    return "".join(observation_line(observed) for observed in batch).encode()


def observation_line(observed: Observed) -> str:
    result = observed.result
    latency = "\\N" if result.latency_ms is None else f"{result.latency_ms:.3f}"
    return (
        f"{observed.check.monitor_id}\t{observed.location_id}\t{observed.at.isoformat()}\t{result.result.value}\t"
        f"{copied(result.reason)}\t{latency}\t{phases_json(result.phases_ms)}\n"
    )


def phases_json(phases_ms: Mapping[str, float]) -> str:
    if not phases_ms:
        return "\\N"
    return f"[{','.join([f'[{quoted(name)},{value:.3f}]' for name, value in phases_ms.items()])}]"


@lru_cache(1_000)
def quoted(name: str) -> str:
    """A phase's name as JSON within COPY: a handful of names, each in every line."""
    return copied(json.dumps(name))


def copied(text: str) -> str:
    """Text as COPY reads it. NUL cannot be stored at all."""
    if text.isalnum():
        return text
    text = text.replace("\x00", "\N{REPLACEMENT CHARACTER}").replace("\\", "\\\\")
    return text.replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def watch_rows(judgements: Iterable[Judged]) -> str:
    """One JSON array for one UPDATE over all watches of a batch: a third of the cost of arrays by column."""
    rows = [
        {
            "id": judgement.held.watch_id,
            "due_at": judgement.held.due_us / SECOND_US,
            "seen": window_rows(judgement.standing),
            "last_at": judgement.latest.at.isoformat(),
            "result": judgement.latest.result.result.value,
            "reason": judgement.latest.result.reason[:80],
            "sentence": judgement.latest.result.sentence,
            "latency_ms": judgement.latest.result.latency_ms,
        }
        for judgement in judgements
    ]
    return json.dumps(rows).replace("\\u0000", "\\ufffd")


def stored(text: str) -> str:
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}")


def evidence_rows(batch: Iterable[Observed], held_by_monitor: Mapping[int, Held]) -> Iterator[tuple[Any, ...]]:
    """Every observation that was not ok, and before the first of these the last one that was."""
    for observed in batch:
        held = holder(observed, held_by_monitor)
        if observed.result.result is Result.OK:
            if held is not None and observed.result.said is not None:
                yield from recovered_success(held, observed)
            continue
        if held is not None and held.last_success is not None:
            yield evidence_row(held.last_success)
        yield evidence_row(observed)


def recovered_success(held: Held, observed: Observed) -> Iterator[tuple[Any, ...]]:
    """The first success after a claim or a failure is written at once, later ones when a failure follows."""
    if held.last_success is None or (held.standing.window and held.standing.window[-1].result is not Result.OK):
        yield evidence_row(observed)
    held.last_success = observed


def evidence_row(observed: Observed) -> tuple[Any, ...]:
    result = observed.result
    return (
        observed.check.monitor_id,
        observed.location_id,
        observed.at,
        result.result.value,
        result.reason[:80],
        result.latency_ms,
        json.dumps(list(result.phases_ms.items())),
        stored(result.sentence),
        cut(stored(result.evidence or "")),
    )


def cut(text: str) -> str:
    """At most EVIDENCE_LIMIT_BYTES, cut between characters."""
    if len(text) * 4 <= EVIDENCE_LIMIT_BYTES:
        return text
    return text.encode("utf-8", "replace")[:EVIDENCE_LIMIT_BYTES].decode("utf-8", "ignore")
