"""Own the freezing of months: counted once when they are over, and the same for ever after."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Min, Q

from monitors.models import StateInterval, UptimeMonth
from monitors.results import Verdict
from monitors.selectors.history import touching
from monitors.uptime import Span, Window, month_window, tally

FREEZE_AFTER = timedelta(days=1)
"""A spool may still bring observations of the month's last hours."""


def freeze_months(now: datetime) -> int:
    """Freeze every closed month of every subject that has none yet; return how many. Frozen ones stay as they are."""
    made = [
        frozen_month(subject, subject_id, window)
        for subject in ("monitor_id", "component_id")
        for subject_id, first_at in first_intervals(subject)
        for window in open_months(subject, subject_id, closed_months(first_at, now))
    ]
    UptimeMonth.objects.bulk_create(made, ignore_conflicts=True)
    return len(made)


def open_months(subject: str, subject_id: int, windows: list[Window]) -> list[Window]:
    if not windows:
        return []
    frozen = set(UptimeMonth.objects.filter(**{subject: subject_id}).values_list("month", flat=True))
    return [window for window in windows if window.start.date() not in frozen]


def first_intervals(subject: str) -> list[tuple[int, datetime]]:
    rows = StateInterval.objects.filter(~Q(**{subject: None})).values_list(subject).annotate(Min("started_at"))
    return list(rows.order_by(subject))


def closed_months(first_at: datetime, now: datetime) -> list[Window]:
    windows = []
    window = month_window(first_at.date())
    while window.end + FREEZE_AFTER <= now:
        windows.append(window)
        window = month_window(window.end.date())
    return windows


def frozen_month(subject: str, subject_id: int, window: Window) -> UptimeMonth:
    rows = touching(window.start, window.end).filter(**{subject: subject_id})
    spans = [
        Span(start, end, Verdict(verdict))
        for start, end, verdict in rows.values_list("started_at", "ended_at", "verdict")
    ]
    counted = tally(spans, window)
    return UptimeMonth(
        **{subject: subject_id},
        month=window.start.date(),
        up=counted.up,
        degraded=counted.degraded,
        down=counted.down,
        unknown=counted.unknown,
        maintenance=counted.maintenance,
    )
