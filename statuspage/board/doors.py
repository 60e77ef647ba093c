"""Own the doors by which mail comes in: the components of the API and SMTP tiers."""

from __future__ import annotations

from dataclasses import dataclass

from monitors.models import Component
from statuspage.board.silence import Silence

TIERS = (Component.Tier.API, Component.Tier.SMTP)


@dataclass(frozen=True, slots=True)
class Door:
    name: str
    state: str
    sentence: str

    @property
    def said(self) -> str:
        return f"{self.name}: {self.sentence.rstrip('.') or self.state}"


def doors(silent: Silence | None) -> list[Door]:
    """In their usual order. One query."""
    rows = Component.objects.filter(removed_at=None, tier__in=TIERS).order_by("position", "slug")
    return [
        Door(row.name, "unknown" if silent else row.verdict, silent.reason if silent else row.sentence) for row in rows
    ]
