"""Own the kind "queue": ask the source, advance the flow, and hand samples, figures and findings to be stored."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from psycopg import AsyncConnection

from monitors.flow import Context, Event, FlowState, Memory, Policy, Sample, Word, advance, judge, replay
from monitors.options import SecretError
from monitors.probes import queue_rows as rows
from monitors.probes.kind import Check, Kind, Observed
from monitors.queues import SOURCES, Ask, QueueOptions, SourceError, SourceOptions, close, look
from monitors.queues.source import MissingError
from monitors.results import ProbeResult, Result
from monitors.selectors import queue_samples
from monitors.services.queue_samples import store_samples
from monitors.services.queue_states import store_findings, store_states

logger = logging.getLogger(__name__)
RESERVE_RATIO = 0.95
"""The source's share of the timeout: the rest is for us, so that the engine never has to cut us off."""
USUAL_FOR = timedelta(hours=1)
REPLAYED = timedelta(minutes=5)


@dataclass(slots=True)
class Remembered:
    """What this process knows of one queue between two runs."""

    memory: Memory = field(default_factory=Memory)
    context: Context = field(default_factory=Context)
    usual_at: datetime | None = None


REMEMBERED: dict[int, Remembered] = {}


def policy(check: Check) -> Policy:
    options: SourceOptions = check.options.root
    source = SOURCES[check.options.root.source]
    ages = options.oldest
    told = Policy(
        interval_s=check.interval_s,
        stall_after_s=options.stall_after.total_seconds(),
        evident_after_s=options.evident_after.total_seconds(),
        oldest_warn_s=ages.warn.total_seconds() if ages.warn else None,
        oldest_fail_s=ages.fail.total_seconds() if ages.fail else None,
        slow_ratio=options.slow_below_pct / 100,
    )
    return replace(told, **source.traits(options))


async def run(check: Check) -> ProbeResult:
    """One look at the queue: never raises, and keeps within the timeout."""
    remembered = REMEMBERED.setdefault(check.monitor_id, Remembered())
    started = datetime.now(UTC)
    try:
        samples = await look(Ask(check.monitor_id, check.options.root, deadline_s(check), check.interval_s))
    except SourceError as error:
        return failed(check, remembered, error)
    except SecretError as error:
        return failed(check, remembered, SourceError("secret_missing", f"A secret cannot be read: {error}."))
    except Exception as error:
        # A source that answers what nobody thought of must not end the prober: said, logged, unknown.
        logger.exception("queue source failed", extra={"monitor": check.slug})
        return failed(check, remembered, SourceError("probe_error", f"Reading the source failed: {error!r}."))
    latency_ms = (datetime.now(UTC) - started).total_seconds() * 1000
    return read(check, remembered, samples, latency_ms)


def deadline_s(check: Check) -> float:
    return check.timeout_s * RESERVE_RATIO


def read(check: Check, remembered: Remembered, samples: list[Sample], latency_ms: float) -> ProbeResult:
    reading, events, stored = policy(check), list[Event](), list[dict[str, Any]]()
    memory = remembered.memory
    for sample in samples:
        before = memory.last
        memory = advance(memory, sample, reading)
        is_late = memory.last is before
        stored.append(rows.sample_row(check, sample, None if is_late else memory))
        events += memory.events
    remembered.memory = memory
    now = datetime.now(UTC)
    state = judge(memory, now, reading, remembered.context)
    if not check.options.root.conservation:
        state = replace(state, missing=0, residual=None)
    return ProbeResult(
        result=result(state),
        reason=reason(state),
        sentence=rows.sentence(state),
        latency_ms=latency_ms,
        details=rows.details(check, memory, state, now, samples=stored, events=events),
    )


def failed(check: Check, remembered: Remembered, error: SourceError) -> ProbeResult:
    """The source told nothing: the last figures stand until they are stale; a queue that is gone is a fact."""
    now, memory = datetime.now(UTC), remembered.memory
    state = judge(memory, now, policy(check), remembered.context)
    is_missing = isinstance(error, MissingError)
    if state.word == Word.UNKNOWN or is_missing:
        known = state.sentence if state.cause == "source_stale" else ""
        state = FlowState(Word.UNKNOWN, error.reason, f"{error.sentence} {known}".strip(), at=state.at)
    return ProbeResult(
        result=Result.FAIL if is_missing else Result.UNKNOWN,
        reason=error.reason,
        sentence=error.sentence,
        said=error.evidence,
        details=rows.details(check, memory, state, now, samples=[], events=[]),
    )


def result(state: FlowState) -> Result:
    """Late is not lost and not down: only what has stopped, or is beyond its second limit, fails."""
    if state.word == Word.UNKNOWN:
        return Result.UNKNOWN
    if state.word in (Word.STALLED, Word.DELAYED) and state.is_serious:
        return Result.FAIL
    is_late = state.word in (Word.STALLED, Word.DELAYED, Word.SLOW)
    return Result.WARN if is_late or state.missing else Result.OK


def reason(state: FlowState) -> str:
    if state.missing and state.word in (Word.FLOWING, Word.EMPTY, Word.GROWING):
        return rows.imbalance(state.missing)
    return state.cause


async def keep(connection: AsyncConnection[Any], batch: Sequence[Observed]) -> None:
    """Store a batch inside the caller's transaction: samples, roll-ups, figures, findings."""
    told = [observed.result.details for observed in batch if observed.result.details is not None]
    samples = [row for details in told for row in details["samples"]]
    if samples:
        await store_samples(connection, samples)
    # A batch may hold several looks at one queue, after the database was away: the last one stands.
    latest = {details["state"]["monitor_id"]: details for details in told}
    held = await store_states(connection, [details["state"] for details in latest.values()])
    await store_findings(
        connection,
        [row for details in latest.values() for row in details["lasting"]],
        [row for details in told for row in details["happened"]],
        [details["judged"] for details in latest.values() if details["judged"]],
    )
    await refresh_contexts(connection, held)


async def refresh_contexts(connection: AsyncConnection[Any], held: dict[int, str]) -> None:
    """Take over holds at once, and the usual rates once an hour."""
    now = datetime.now(UTC)
    due = []
    for monitor_id, reason in held.items():
        remembered = REMEMBERED.setdefault(monitor_id, Remembered())
        remembered.context = replace(remembered.context, held_reason=reason)
        if remembered.usual_at is None or now - remembered.usual_at > USUAL_FOR:
            remembered.usual_at = now
            due.append(monitor_id)
    if due:
        for monitor_id, usual in (await queue_samples.usual_ack_rates(connection, due, now)).items():
            remembered = REMEMBERED[monitor_id]
            remembered.context = replace(remembered.context, usual_ack_rate=usual)


async def warm(connection: AsyncConnection[Any], checks: Sequence[Check]) -> None:
    """Reload what the last prober knew: the samples of the last minutes, and what they cannot tell."""
    now, by_id = datetime.now(UTC), {check.monitor_id: check for check in checks}
    past = await queue_samples.recent_samples(connection, list(by_id), now - REPLAYED)
    states = await queue_samples.stored_states(connection, list(by_id))
    for monitor_id, check in by_id.items():
        memory = replay(past.get(monitor_id, ()), policy(check))
        stored, held = states.get(monitor_id, (None, ""))
        context = Context(held_reason=held)
        REMEMBERED[monitor_id] = Remembered(rows.restored(memory, stored), context)
    await refresh_contexts(connection, {monitor_id: held for monitor_id, (_, held) in states.items()})


def host(options: QueueOptions) -> str:
    return SOURCES[options.root.source].host(options.root)


KIND = Kind(name="queue", options=QueueOptions, run=run, host=host, keep=keep, warm=warm, close=close)
