"""Own the whole board at one instant."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from monitors.selectors.queues import latest_queues
from statuspage.board.doors import doors
from statuspage.board.findings import OpenFindings, open_findings
from statuspage.board.flow import Flow, flow
from statuspage.board.queues import QueueCard, cards, pictured, shown
from statuspage.board.silence import Silence, silence
from statuspage.board.tiers import Tiers, tiers
from statuspage.board.timeline import Entry, timeline


@dataclass(frozen=True, slots=True)
class Board:
    at: datetime
    silence: Silence | None
    flow: Flow
    queues: tuple[QueueCard, ...]
    other_queues: int
    tiers: Tiers
    findings: OpenFindings
    timeline: tuple[Entry, ...]

    @property
    def is_empty(self) -> bool:
        return not self.queues and not self.tiers.rows


def board(now: datetime) -> Board:
    """Eleven queries, whatever is watched."""
    silent = silence(now)
    found = cards(latest_queues(), silent)
    front = shown(found)
    return Board(
        at=now,
        silence=silent,
        flow=flow(found, doors(silent)),
        queues=tuple(pictured(front, now)),
        other_queues=len(found) - len(front),
        tiers=tiers(silent, now),
        findings=open_findings(),
        timeline=tuple(timeline(now)),
    )
