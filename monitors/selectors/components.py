"""Own the reading of components: their states as readers and operators may see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max

from monitors.models import Component, ProcessBeat
from monitors.results import Verdict

PROBER_SILENT_AFTER = timedelta(seconds=30)
"""Without a prober's heartbeat for this long nothing is being measured: what we knew is not what is."""


@dataclass(frozen=True, slots=True)
class PublicComponent:
    """What readers see of a component. `last_known` is set only where no prober lives to tell."""

    slug: str
    name: str
    group: str
    description: str
    verdict: Verdict
    since: datetime
    last_known: Verdict | None


def measured_at() -> datetime | None:
    """The newest heartbeat of any prober; None when none ever ran. One query."""
    newest: datetime | None = ProcessBeat.objects.filter(role="probe").aggregate(at=Max("beat_at"))["at"]
    return newest


def public_components(now: datetime) -> list[PublicComponent]:
    """The public components in their order, each unknown while no prober lives. Two queries."""
    beat_at = measured_at()
    is_measured = beat_at is not None and now - beat_at < PROBER_SILENT_AFTER
    rows = Component.objects.filter(is_public=True, removed_at=None)
    return [public_component(row, is_measured, beat_at) for row in rows]


def public_component(row: Component, is_measured: bool, beat_at: datetime | None) -> PublicComponent:
    verdict = Verdict(row.verdict)
    is_silenced = not is_measured and verdict != Verdict.UNKNOWN
    return PublicComponent(
        slug=row.slug,
        name=row.name,
        group=row.group,
        description=row.description,
        verdict=Verdict.UNKNOWN if is_silenced else verdict,
        since=max(beat_at or row.verdict_since, row.verdict_since) if is_silenced else row.verdict_since,
        last_known=verdict if is_silenced else None,
    )
