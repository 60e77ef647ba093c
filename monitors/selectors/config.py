"""Own the reading of the configuration that stands, in the shape that plans compare."""

from __future__ import annotations

from typing import Any

from monitors.config.plan import Columns, Standing
from monitors.models import Component, Monitor, Platform

COMPONENT_COLUMNS = (
    "name",
    "tier",
    "group",
    "description",
    "position",
    "is_public",
    "is_loss_tolerated",
    "downtime_tolerance",
)
MONITOR_COLUMNS = (
    "name",
    "kind",
    "site",
    "zone",
    "options",
    "interval",
    "timeout",
    "down_after",
    "down_of",
    "up_after",
    "up_of",
    "is_paused",
)


def standing() -> Standing:
    """What files made and still stands, and what the console made. Six queries, whatever the size."""
    components = Component.objects.filter(removed_at=None)
    monitors = Monitor.objects.filter(removed_at=None)
    of_file = monitors.filter(is_from_file=True).select_related("component").prefetch_related("locations")
    return Standing(
        platform=Platform.objects.values("name", "url", "time_zone").first() or dict[str, str](),
        components={
            row.slug: component_row(row) for row in components.filter(is_from_file=True).prefetch_related("depends_on")
        },
        monitors={row.slug: monitor_row(row) for row in of_file},
        console_components=frozenset(components.filter(is_from_file=False).values_list("slug", flat=True)),
        console_monitors=frozenset(monitors.filter(is_from_file=False).values_list("slug", flat=True)),
    )


def component_row(row: Component) -> Columns:
    columns: dict[str, Any] = {name: getattr(row, name) for name in COMPONENT_COLUMNS}
    return columns | {"depends_on": sorted(needed.slug for needed in row.depends_on.all())}


def monitor_row(row: Monitor) -> Columns:
    columns: dict[str, Any] = {name: getattr(row, name) for name in MONITOR_COLUMNS}
    return columns | {
        "component": row.component.slug if row.component else None,
        "locations": sorted(location.slug for location in row.locations.all()),
    }
