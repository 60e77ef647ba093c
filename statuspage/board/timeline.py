"""Own the board's timeline: changes of state, findings and changes told to us, from their rows, newest first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from monitors.models import ChangeEvent, Finding, StateChange
from monitors.wording import listed

SPAN = timedelta(hours=24)
ENTRIES = 11
ROWS = 60
"""Rows read of each kind: what happened to many at once is one entry."""
AT_ONCE = timedelta(seconds=15)
NAMED = 2


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
    found = [*state_changes(now - SPAN), *findings(now - SPAN), *change_events(now - SPAN, now)]
    return merged(sorted(found, key=lambda entry: entry.at, reverse=True))[:ENTRIES]


def merged(entries: Sequence[Entry]) -> list[Entry]:
    """Neighbours that say the same of several subjects at the same time, as one: `a, b and 7 more`."""
    runs: list[list[Entry]] = []
    for entry in entries:
        if runs and is_same_news(runs[-1][0], entry):
            runs[-1].append(entry)
        else:
            runs.append([entry])
    return [run[0] if len(run) == 1 else replace(run[0], subject=subjects(run), monitor="") for run in runs]


def is_same_news(newer: Entry, older: Entry) -> bool:
    return (
        bool(newer.state) and (newer.state, newer.text) == (older.state, older.text) and newer.at - older.at < AT_ONCE
    )


def subjects(run: Sequence[Entry]) -> str:
    names = [entry.subject for entry in run]
    rest = len(names) - NAMED
    return listed(names) if rest <= 0 else f"{', '.join(names[:NAMED])} and {rest} more"


def state_changes(start: datetime) -> list[Entry]:
    """Of monitors and queues: a component's change is the sum of these, and would say all twice."""
    rows = StateChange.objects.filter(confirmed_at__gte=start, monitor__isnull=False, monitor__removed_at=None)
    newest = rows.select_related("monitor").order_by("-confirmed_at", "-id")[:ROWS]
    return [state_change(row) for row in newest]


def state_change(row: StateChange) -> Entry:
    monitor = row.monitor
    assert monitor is not None
    sentence = row.sentence.rstrip(".")
    text = f"{row.to_verdict}: {sentence}" if sentence and row.to_verdict != "up" else row.to_verdict
    return Entry(row.started_at, row.to_verdict, monitor.name, text, monitor=monitor.slug)


def findings(start: datetime) -> list[Entry]:
    rows = Finding.objects.filter(started_at__gte=start).select_related("monitor").order_by("-started_at")[:ROWS]
    return [
        Entry(row.started_at, "finding", row.subject, told(row), monitor=row.monitor.slug if row.monitor else "")
        for row in rows
    ]


def told(row: Finding) -> str:
    """The title without its subject, which stands before it in bold."""
    return row.title.removeprefix(row.subject).lstrip(" :")


def change_events(start: datetime, now: datetime) -> list[Entry]:
    """Not those to come: one told with a wrong clock would stand above all news for a year."""
    rows = ChangeEvent.objects.filter(occurred_at__range=(start, now)).order_by("-occurred_at")[:ROWS]
    return [Entry(row.occurred_at, "", row.kind.title(), change_text(row), link=row.link) for row in rows]


def change_text(row: ChangeEvent) -> str:
    return f"{row.title} ({row.source})" if row.source else row.title
