"""Own the board's timeline: changes of state, findings and changes told to us, from their rows, newest first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from monitors.models import ChangeEvent, Finding, StateChange

SPAN = timedelta(hours=24)
ENTRIES = 11


@dataclass(frozen=True, slots=True)
class Entry:
    """One recorded fact. `state` is empty where it is not about a state; `monitor` where it leads to none."""

    at: datetime
    state: str
    subject: str
    text: str
    monitor: str = ""
    link: str = ""


def timeline(now: datetime) -> list[Entry]:
    """The newest entries of the last day. Three queries."""
    found = [*state_changes(now - SPAN), *findings(now - SPAN), *change_events(now - SPAN)]
    return sorted(found, key=lambda entry: entry.at, reverse=True)[:ENTRIES]


def state_changes(start: datetime) -> list[Entry]:
    """Of monitors and queues: a component's change is the sum of these, and would say all twice."""
    rows = StateChange.objects.filter(confirmed_at__gte=start, monitor__isnull=False, monitor__removed_at=None)
    newest = rows.select_related("monitor").order_by("-confirmed_at", "-id")[:ENTRIES]
    return [state_change(row) for row in newest]


def state_change(row: StateChange) -> Entry:
    monitor = row.monitor
    assert monitor is not None
    sentence = row.sentence.rstrip(".")
    text = f"{row.to_verdict}: {sentence}" if sentence and row.to_verdict != "up" else row.to_verdict
    return Entry(row.started_at, row.to_verdict, monitor.name, text, monitor=monitor.slug)


def findings(start: datetime) -> list[Entry]:
    rows = Finding.objects.filter(started_at__gte=start).select_related("monitor").order_by("-started_at")[:ENTRIES]
    return [
        Entry(row.started_at, "finding", row.subject, row.title, monitor=row.monitor.slug if row.monitor else "")
        for row in rows
    ]


def change_events(start: datetime) -> list[Entry]:
    rows = ChangeEvent.objects.filter(occurred_at__gte=start).order_by("-occurred_at")[:ENTRIES]
    return [Entry(row.occurred_at, "", row.kind.title(), change_text(row), link=row.link) for row in rows]


def change_text(row: ChangeEvent) -> str:
    return f"{row.title} ({row.source})" if row.source else row.title
