"""Own the difference between what is and what a file wants (pure): the plan that people read before they apply."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from monitors.config.reading import Wanted, WantedMonitor
from monitors.options import format_duration

Columns = Mapping[str, Any]
DEFAULT_LOCATION = "main"


@dataclass(frozen=True, slots=True)
class Change:
    """One line of a plan: `+` to make, `~` to change (with each field's old and new value), `-` to remove."""

    sign: Literal["+", "~", "-"]
    noun: Literal["platform", "component", "monitor"]
    slug: str
    columns: Columns
    differences: tuple[tuple[str, Any, Any], ...] = ()

    def __str__(self) -> str:
        changed = "; ".join(f"{name}: {shown(old)} -> {shown(new)}" for name, old, new in self.differences)
        return f"{self.sign} {self.noun} {self.slug}" + (f" ({changed})" if changed else "")


@dataclass(frozen=True, slots=True)
class Standing:
    """What the database holds now, by slug: rows from the file, and slugs that the console took."""

    platform: Columns
    components: Mapping[str, Columns]
    monitors: Mapping[str, Columns]
    console_components: frozenset[str] = frozenset()
    console_monitors: frozenset[str] = frozenset()


def shown(value: Any) -> str:
    if hasattr(value, "total_seconds"):
        return format_duration(value)
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "none"
    return "none" if value in (None, "") else str(value)


def plan(standing: Standing, wanted: Wanted) -> list[Change]:
    """Every change needed, components before the monitors that name them, removals last."""
    components = {entry.slug: component_columns(entry, index) for index, entry in enumerate(wanted.components)}
    monitors = {monitor.slug: monitor_columns(monitor) for monitor in wanted.monitors}
    platform = {
        "name": wanted.platform.name,
        "url": str(wanted.platform.url or ""),
        "time_zone": wanted.platform.time_zone,
    }
    made_or_changed = [
        *differences("platform", {"platform": standing.platform}, {"platform": platform}),
        *differences("component", standing.components, components),
        *differences("monitor", standing.monitors, monitors),
    ]
    removed_monitors = [Change("-", "monitor", slug, {}) for slug in standing.monitors.keys() - monitors.keys()]
    removed_components = [Change("-", "component", slug, {}) for slug in standing.components.keys() - components.keys()]
    return [*made_or_changed, *sorted(removed_monitors, key=str), *sorted(removed_components, key=str)]


def differences(
    noun: Literal["platform", "component", "monitor"], standing: Mapping[str, Columns], wanted: Mapping[str, Columns]
) -> Iterator[Change]:
    for slug, columns in wanted.items():
        current = standing.get(slug)
        if not current:
            yield Change("+", noun, slug, columns)
            continue
        changed = tuple((name, current[name], value) for name, value in columns.items() if current[name] != value)
        if changed:
            yield Change("~", noun, slug, columns, changed)


def component_columns(entry: Any, position: int) -> Columns:
    return {
        "name": entry.name,
        "tier": entry.tier.value,
        "group": entry.group,
        "description": entry.description,
        "position": position,
        "is_public": entry.public,
        "is_loss_tolerated": entry.loss_tolerance,
        "downtime_tolerance": entry.downtime_tolerance,
        "depends_on": sorted(entry.depends_on),
    }


def monitor_columns(monitor: WantedMonitor) -> Columns:
    common = monitor.common
    columns = {
        "name": monitor.name,
        "kind": monitor.kind,
        "component": common.component,
        "site": common.site,
        "zone": common.zone,
        "options": monitor.options,
        "interval": common.every,
        "timeout": common.timeout,
        "down_after": common.confirm.down.count,
        "down_of": common.confirm.down.window,
        "up_after": common.confirm.up.count,
        "up_of": common.confirm.up.window,
        "locations": sorted(common.locations or [DEFAULT_LOCATION]),
    }
    return columns if common.paused is None else columns | {"is_paused": common.paused}
