"""Own the reading of components: their states as readers and operators may see them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Max

from monitors.models import Component, ProcessBeat
from monitors.results import Verdict
from monitors.selectors.monitors import MonitorFilter, MonitorRow, monitor_rows
from monitors.wording import milliseconds

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
    probers = ProcessBeat.objects.filter(role=ProcessBeat.Role.PROBER)
    newest: datetime | None = probers.aggregate(at=Max("beat_at"))["at"]
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


@dataclass(frozen=True, slots=True)
class Instance:
    """A monitor as a cell of its component."""

    slug: str
    label: str
    verdict: Verdict
    note: str
    is_paused: bool


@dataclass(frozen=True, slots=True)
class ComponentRow:
    """A component as operators see it. `verdict` is unknown where none of its monitors reports any more."""

    slug: str
    name: str
    tier: str
    group: str
    is_public: bool
    verdict: Verdict
    last_known: Verdict
    since: datetime
    sentence: str
    instances: list[Instance]


def component_rows(now: datetime) -> list[ComponentRow]:
    """Every component in its order, with its monitors. Three queries, whatever the number."""
    instances: dict[str, list[Instance]] = {}
    for row in monitor_rows(MonitorFilter(sort="name"), now):
        instances.setdefault(row.component_slug, []).append(instance(row))
    components = Component.objects.filter(removed_at=None)
    return [component_row(row, instances.get(row.slug, [])) for row in components]


def component_row(row: Component, instances: list[Instance]) -> ComponentRow:
    last_known = Verdict(row.verdict)
    is_seen = any(one.verdict != Verdict.UNKNOWN for one in instances)
    return ComponentRow(
        slug=row.slug,
        name=row.name,
        tier=row.get_tier_display(),
        group=row.group,
        is_public=row.is_public,
        verdict=last_known if is_seen else Verdict.UNKNOWN,
        last_known=last_known,
        since=row.verdict_since,
        sentence=row.sentence,
        instances=instances,
    )


def instance(row: MonitorRow) -> Instance:
    is_well = row.verdict == Verdict.UP
    note = "paused" if row.is_paused else milliseconds(row.latency_ms) if is_well else row.sentence
    return Instance(row.slug, row.place or row.name, row.verdict, note, row.is_paused)


def component_choices() -> list[tuple[str, str]]:
    """(slug, name) of every component, in their order. One query."""
    return list(Component.objects.filter(removed_at=None).values_list("slug", "name"))
