"""Own the question whether what we know of a monitor is still news: pure, so that every page answers alike."""

from __future__ import annotations

from datetime import datetime, timedelta

from monitors.results import Verdict
from monitors.verdicts import stale_after_s

GRACE = timedelta(seconds=10)
"""A living prober, or else the responder, writes the silence into the rows; pages speak up when neither does."""


def shown_verdict(
    verdict: Verdict, last_at: datetime | None, interval: timedelta, timeout: timedelta, now: datetime
) -> Verdict:
    """The verdict, or unknown when nothing reports any more: unknown is never green."""
    longest = timedelta(seconds=stale_after_s(interval.total_seconds(), timeout.total_seconds())) + GRACE
    if last_at is None or now - last_at > longest:
        return Verdict.UNKNOWN
    return verdict
