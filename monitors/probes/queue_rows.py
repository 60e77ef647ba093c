"""Own the JSON that the kind "queue" hands on: rows of samples, figures and findings, and what is remembered."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from monitors.flow import Anchor, Event, FlowState, Ledger, Memory, Sample, Word
from monitors.probes.kind import Check
from monitors.services.queue_states import DUPLICATION, LOSS, RESET, STALLED
from monitors.wording import count

Row = dict[str, Any]
ANCHOR_COUNTS = ("depth", "in_total", "out_total", "is_restart", "slack")


def written(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


def sample_row(check: Check, sample: Sample, memory: Memory | None) -> Row:
    """A row of the samples' table; `memory` is None for a late arrival, which has no rates."""
    return {
        "monitor_id": check.monitor_id,
        "at": written(sample.at),
        "depth": sample.depth,
        "in_total": sample.in_total,
        "out_total": sample.out_total,
        "oldest_at": written(sample.oldest_at),
        "consumers": sample.consumers,
        "in_flight": sample.in_flight,
        "ingress_rate": memory.ingress_rate if memory else None,
        "ack_rate": memory.ack_rate if memory else None,
    }


def details(
    check: Check, memory: Memory, state: FlowState, now: datetime, *, samples: list[Row], events: list[Event]
) -> Row:
    """All that is to be kept of one look. JSON only: it may wait in the spool."""
    lasting = lasting_findings(check, memory, state)
    judged = {"subject": check.slug, "kinds": [row["kind"] for row in lasting], "at": written(now)}
    if memory.is_stalled and memory.steps_forward:
        # On its way out a stall has no cause any more: the finding keeps the one that it had.
        lasting = [row for row in lasting if row["kind"] != STALLED]
    return {
        "samples": samples,
        "state": state_row(check, memory, state, now, is_seen=bool(samples)),
        "lasting": lasting,
        "happened": [event_row(check, event) for event in events if event.kind == "counter_reset"],
        "judged": judged if state.word != Word.UNKNOWN else None,
    }


def state_row(check: Check, memory: Memory, state: FlowState, now: datetime, *, is_seen: bool) -> Row:
    last = memory.last if is_seen else None
    return {
        "monitor_id": check.monitor_id,
        "at": written(last.at if last else None),
        "depth": last.depth if last else None,
        "in_total": last.in_total if last else None,
        "out_total": last.out_total if last else None,
        "consumers": last.consumers if last else None,
        "in_flight": last.in_flight if last else None,
        "oldest_at": written(last.oldest_at) if last else None,
        "ingress_rate": state.ingress_rate,
        "ack_rate": state.ack_rate,
        "delivered_rate": state.delivered_rate,
        "net_rate": state.net_rate,
        "utilisation_ratio": last.utilisation if last else None,
        "eta_s": state.eta.seconds if state.eta else None,
        "eta_low_s": state.eta.low_s if state.eta else None,
        "eta_high_s": state.eta.high_s if state.eta else None,
        "eta_basis": state.eta.basis if state.eta else "",
        "residual": state.residual,
        "word": state.word,
        "cause": state.cause,
        "sentence": sentence(state),
        "since": written(state.since or now),
        "judged_at": written(now),
        "memory": remembered(memory) if is_seen else None,
    }


def sentence(state: FlowState) -> str:
    if not state.missing:
        return state.sentence
    return f"{state.sentence} {imbalance_sentence(state)}"


def imbalance(missing: int) -> str:
    return LOSS if missing > 0 else DUPLICATION


def imbalance_sentence(state: FlowState) -> str:
    number = abs(state.missing)
    noun = "message" if number == 1 else "messages"
    if state.missing > 0:
        bound = "Up to " if state.is_upper_bound else ""
        return f"{bound}{count(number)} {noun} came in and neither went out nor {'waits' if number == 1 else 'wait'}."
    return f"{count(number)} {noun} more went out or wait than came in: sent twice, or counted twice."


def lasting_findings(check: Check, memory: Memory, state: FlowState) -> list[Row]:
    found = []
    if state.word == Word.STALLED:
        title = f"{check.slug} stalled: {state.cause.replace('_', ' ')}"
        found.append(finding(check, STALLED, title, state.since or state.at, {"sentence": state.sentence}))
    if state.missing:
        kind = imbalance(state.missing)
        title = f"{check.slug}: {imbalance_sentence(state)}"
        detail = {"messages": state.missing, "is_upper_bound": state.is_upper_bound, "residual": state.residual}
        found.append(finding(check, kind, title, memory.ledger.missing_since or state.at, detail))
    return found


def event_row(check: Check, event: Event) -> Row:
    return finding(check, RESET, f"{check.slug}: {event.sentence}", event.at, {})


def finding(check: Check, kind: str, title: str, at: datetime | None, detail: Row) -> Row:
    return {
        "kind": kind,
        "monitor_id": check.monitor_id,
        "subject": check.slug,
        "title": title[:300],
        "detail": detail,
        "started_at": written(at),
    }


def remembered(memory: Memory) -> Row:
    """What a replay of the last minutes cannot give: the anchor of the ledger, the peak, an old standstill.

    Not the tail of the ledger: whoever takes over looks for a minute again before accusing anybody.
    """
    ledger, anchor = memory.ledger, memory.ledger.anchor
    return {
        "anchor": {**{name: getattr(anchor, name) for name in ANCHOR_COUNTS}, "at": written(anchor.at)}
        if anchor
        else None,
        "missing": ledger.missing,
        "missing_since": written(ledger.missing_since),
        "changed_at": written(ledger.changed_at),
        "is_upper_bound": ledger.is_upper_bound,
        "peak_ack_rate": memory.peak_ack_rate,
        "still_since": written(memory.still_since),
        "is_stalled": memory.is_stalled,
    }


def restored(memory: Memory, stored: Row | None) -> Memory:
    """The replayed memory with what was stored of its predecessor. A row of an older shape is left out."""
    if not stored:
        return memory
    try:
        still_since = instant(stored["still_since"])
        is_standing = memory.still_since is not None and still_since is not None
        return replace(
            memory,
            ledger=ledger_of(stored),
            peak_ack_rate=stored["peak_ack_rate"],
            still_since=still_since if is_standing else memory.still_since,
            is_stalled=memory.is_stalled or (is_standing and stored["is_stalled"]),
        )
    except (KeyError, TypeError, ValueError):
        return memory


def ledger_of(row: Row) -> Ledger:
    anchor = row["anchor"]
    return Ledger(
        anchor=Anchor(**{**anchor, "at": datetime.fromisoformat(anchor["at"])}) if anchor else None,
        missing=row["missing"],
        missing_since=instant(row["missing_since"]),
        changed_at=instant(row["changed_at"]),
        is_upper_bound=row["is_upper_bound"],
    )


def instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
