"""Own conservation: what came in has either gone out or still waits; the rest is loss or duplication.

residual = depth at the anchor + in - out - depth now. Positive: messages are missing. Negative: more left
or wait than came in. The anchor is the first sample (zero for a ledger) and moves on as `settle` says.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitors.flow.sample import Policy, Sample

CONFIRM_S = 60.0
"""Counters that are not one snapshot disagree for moments; a true loss still stands after a minute."""
REANCHOR_S = 300.0
"""While all is well the anchor moves on, so that one percent is one percent of minutes, not of months."""
SETTLED_S = 600.0
"""A loss that has not grown for this long is history: it is closed and the next one counts anew."""
RENEWED_RATIO = 1.2
"""A renewal takes a moment itself: what a source renews every 5 s is surely new after 6."""
TOLERATED = 5
TOLERATED_RATIO = 0.01


@dataclass(frozen=True, slots=True)
class Anchor:
    """The balance that later samples are held against.

    `is_restart`: the counters have begun again from zero, so one that is not told yet is taken as nothing
    counted, and the residual is an upper bound. `slack` is what may have left unseen before the restart.
    """

    at: datetime
    depth: int
    in_total: int
    out_total: int
    is_restart: bool = False
    slack: float = 0.0


@dataclass(frozen=True, slots=True)
class Look:
    """One look at the balance. `owed` is what has to be counted as gone out for it to be even, `beyond` the
    residual beyond tolerance or 0."""

    at: datetime
    owed: int
    beyond: int


@dataclass(frozen=True, slots=True)
class Ledger:
    """`residual` is the balance now; `missing` what is confirmed: > 0 lost, < 0 duplicated, 0 balanced.

    `tail` holds the last looks, oldest first.
    """

    anchor: Anchor | None = None
    tail: tuple[Look, ...] = ()
    residual: int | None = None
    missing: int = 0
    missing_since: datetime | None = None
    changed_at: datetime | None = None
    is_upper_bound: bool = False


def restart(ledger: Ledger, last: Sample, at: datetime, unseen: float) -> Ledger:
    """The counters began again: hold the depth known before against what is found after. `unseen` is how
    many messages may have left between the last look and the restart."""
    if last.depth is None:
        return replace(ledger, anchor=None, tail=(), residual=None)
    anchor = Anchor(at, last.depth, 0, 0, is_restart=True, slack=unseen)
    return replace(ledger, anchor=anchor, tail=(), residual=None)


def observe(ledger: Ledger, sample: Sample, policy: Policy, rate: float | None) -> Ledger:
    """The ledger after this sample; `rate` is the larger of its two rates. A sample that does not tell depth or
    totals changes nothing."""
    skew = (rate or 0.0) * 2 * policy.refresh_s
    if ledger.anchor is not None and is_below(sample, ledger.anchor):
        # A restart that nobody saw, between two probers: what was lost in it cannot be told from what was counted.
        ledger = replace(ledger, anchor=None, tail=())
    anchor = ledger.anchor or first_anchor(sample, policy, rate)
    totals = known_totals(sample, anchor)
    if anchor is None or totals is None or sample.depth is None:
        return replace(ledger, anchor=anchor, residual=None)
    tolerated = tolerance(totals, anchor, skew, policy)
    out = totals[1] - anchor.out_total
    owed = anchor.depth + totals[0] - anchor.in_total - sample.depth
    look = Look(sample.at, owed, beyond(owed - out, tolerated, anchor))
    span = confirm_span(anchor, policy)
    # One look older than the span is kept, so that the tail shows that the span is covered.
    older = [each for each in ledger.tail if each.at <= sample.at - span][-1:]
    tail = (*older, *(each for each in ledger.tail if each.at > sample.at - span), look)
    ledger = replace(ledger, anchor=anchor, tail=tail, residual=owed - out)
    hindsight = beyond(tail[0].owed - out, tolerated, anchor)
    return settle(confirm(ledger, span, hindsight), sample, policy, skew)


def is_below(sample: Sample, anchor: Anchor) -> bool:
    pairs = ((sample.in_total, anchor.in_total), (sample.out_total, anchor.out_total))
    return any(told is not None and told < counted for told, counted in pairs)


def beyond(residual: int, tolerated: float, anchor: Anchor) -> int:
    """The residual, or 0 where it means nothing."""
    # What came in between the last look and a restart was never counted: more than was known is no duplication.
    is_explained = anchor.is_restart and residual < 0
    return 0 if is_explained or abs(residual) <= tolerated else residual


def first_anchor(sample: Sample, policy: Policy, rate: float | None) -> Anchor | None:
    if policy.is_ledger:
        return Anchor(sample.at, 0, 0, 0)
    if sample.depth is None or sample.in_total is None or sample.out_total is None:
        return None
    if policy.refresh_s and rate is None:
        # How far depth and counters are apart at this moment is not known before there is a rate.
        return None
    slack = (rate or 0.0) * 2 * policy.refresh_s
    return Anchor(sample.at, sample.depth, sample.in_total, sample.out_total, slack=slack)


def known_totals(sample: Sample, anchor: Anchor | None) -> tuple[int, int] | None:
    if anchor is not None and anchor.is_restart:
        return sample.in_total or 0, sample.out_total or 0
    if sample.in_total is None or sample.out_total is None:
        return None
    return sample.in_total, sample.out_total


def tolerance(totals: tuple[int, int], anchor: Anchor, skew: float, policy: Policy) -> float:
    """Messages that may differ before it means anything: none when exact, else max(5, 1 %), and the skew
    of a source that renews its depth and its counters at different moments, now and when it was anchored."""
    if policy.is_exact:
        return anchor.slack
    moved = max(totals[0] - anchor.in_total, totals[1] - anchor.out_total, 0)
    return max(TOLERATED, TOLERATED_RATIO * moved, skew + anchor.slack)


def confirm_span(anchor: Anchor, policy: Policy) -> timedelta:
    """How long a residual must stand. A snapshot or a restart needs a second look only, past the refresh: by
    then the counters have told all that had moved at the first."""
    return renewed(policy) if policy.is_exact or anchor.is_restart else timedelta(seconds=CONFIRM_S)


def renewed(policy: Policy) -> timedelta:
    return timedelta(seconds=policy.refresh_s * RENEWED_RATIO)


def confirm(ledger: Ledger, span: timedelta, hindsight: int) -> Ledger:
    """Take as missing what every look of the last `span`, and at least two, agree on: the smallest.

    After a restart depth may be known before the counters. `hindsight` is the residual of the first of these
    looks with what is counted as gone by now: what had left by then is in it, whatever has moved since.
    """
    assert ledger.anchor is not None
    values = [look.beyond for look in ledger.tail]
    is_covered = len(values) > 1 and ledger.tail[-1].at - ledger.tail[0].at >= span
    if ledger.anchor.is_restart:
        values.append(hindsight)
    if not is_covered or not (min(values) > 0 or max(values) < 0):
        return ledger
    agreed = min(values, key=abs)
    if agreed * ledger.missing > 0 and abs(agreed) <= abs(ledger.missing):
        return ledger
    is_same_sign = agreed * ledger.missing > 0
    return replace(
        ledger,
        missing=agreed,
        missing_since=ledger.missing_since if is_same_sign else ledger.tail[0].at,
        changed_at=ledger.tail[-1].at,
        is_upper_bound=ledger.anchor.is_restart,
    )


def settle(ledger: Ledger, sample: Sample, policy: Policy, skew: float) -> Ledger:
    """Move the anchor on, while all is well or once a loss has not grown for a while."""
    if sample.in_total is None or sample.out_total is None or sample.depth is None:
        return ledger
    if not (is_quiet(ledger, policy) or is_history(ledger, sample.at)):
        return ledger
    return Ledger(anchor=Anchor(sample.at, sample.depth, sample.in_total, sample.out_total, slack=skew), residual=0)


def is_history(ledger: Ledger, now: datetime) -> bool:
    return ledger.changed_at is not None and (now - ledger.changed_at).total_seconds() >= SETTLED_S


def is_quiet(ledger: Ledger, policy: Policy) -> bool:
    """Nothing missing, and looked at for long enough. An exact anchor stays: it finds one lost in any number."""
    assert ledger.anchor is not None
    if ledger.missing or any(look.beyond for look in ledger.tail) or len(ledger.tail) < 2:
        return False
    now, since = ledger.tail[-1].at, ledger.anchor.at
    if ledger.anchor.is_restart:
        return now - ledger.tail[0].at >= renewed(policy)
    return not policy.is_exact and now - since >= timedelta(seconds=REANCHOR_S)
