"""Own the open findings: what is wrong and is not up or down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from monitors.models import Finding
from statuspage.board.timeline import told

SHOWN = 4


@dataclass(frozen=True, slots=True)
class OpenFinding:
    subject: str
    title: str
    since: datetime
    monitor: str


@dataclass(frozen=True, slots=True)
class OpenFindings:
    shown: Sequence[OpenFinding]
    number: int


def open_findings() -> OpenFindings:
    """The newest few, and how many there are. One query."""
    rows = Finding.objects.filter(ended_at=None).select_related("monitor").order_by("-started_at")
    found = [
        OpenFinding(row.subject, told(row), row.started_at, row.monitor.slug if row.monitor else "") for row in rows
    ]
    return OpenFindings(found[:SHOWN], len(found))
