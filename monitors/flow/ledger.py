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
class Ledger:
    """`residual` is the balance now; `missing` what is confirmed: > 0 lost, < 0 duplicated, 0 balanced.

    `tail` holds the last looks as (at, residual beyond tolerance or 0), oldest first.
    """

    anchor: Anchor | None = None
    tail: tuple[tuple[datetime, int], ...] = ()
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
    anchor = ledger.anchor or first_anchor(sample, policy, rate)
    totals = known_totals(sample, anchor)
    if anchor is None or totals is None or sample.depth is None:
        return replace(ledger, anchor=anchor, residual=None)
    residual = anchor.depth + (totals[0] - anchor.in_total) - (totals[1] - anchor.out_total) - sample.depth
    beyond = residual if abs(residual) > tolerance(totals, anchor, skew, policy) else 0
    span = confirm_span(anchor, policy)
    # One look older than the span is kept, so that the tail shows that the span is covered.
    older = [look for look in ledger.tail if look[0] <= sample.at - span][-1:]
    tail = (*older, *(look for look in ledger.tail if look[0] > sample.at - span), (sample.at, beyond))
    ledger = replace(ledger, anchor=anchor, tail=tail, residual=residual)
    return settle(confirm(ledger, span), sample, policy, skew)


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
    """How long a residual must stand. A snapshot or a restart needs a second look only, past the refresh."""
    return timedelta(seconds=policy.refresh_s if policy.is_exact or anchor.is_restart else CONFIRM_S)


def confirm(ledger: Ledger, span: timedelta) -> Ledger:
    """Take as missing what every look of the last `span`, and at least two, agree on: the smallest."""
    values = [residual for _, residual in ledger.tail]
    is_covered = len(values) > 1 and ledger.tail[-1][0] - ledger.tail[0][0] >= span
    if not is_covered or not (min(values) > 0 or max(values) < 0):
        return ledger
    agreed = min(values, key=abs)
    if agreed * ledger.missing > 0 and abs(agreed) <= abs(ledger.missing):
        return ledger
    assert ledger.anchor is not None
    is_same_sign = agreed * ledger.missing > 0
    return replace(
        ledger,
        missing=agreed,
        missing_since=ledger.missing_since if is_same_sign else ledger.tail[0][0],
        changed_at=ledger.tail[-1][0],
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
    if ledger.missing or any(residual for _, residual in ledger.tail) or len(ledger.tail) < 2:
        return False
    now, since = ledger.tail[-1][0], ledger.anchor.at
    if ledger.anchor.is_restart:
        return now - ledger.tail[0][0] >= timedelta(seconds=policy.refresh_s)
    return not policy.is_exact and now - since >= timedelta(seconds=REANCHOR_S)
