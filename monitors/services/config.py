"""Own the applying of a configuration: the plan and its writing in one transaction, or nothing."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import connection, transaction

from monitors.config.plan import Change, Columns, plan
from monitors.config.problems import ConfigInvalidError, Problem
from monitors.config.reading import Wanted
from monitors.models import Component, Location, Monitor, MonitorState, Platform, Watch
from monitors.notices import CONFIG_CHANNEL, notify
from monitors.selectors.config import standing

APPLY_LOCK = 0x57A9D_0001
"""Advisory lock: two files applied at once would each plan on what the other changes."""


def planned(wanted: Wanted, file: str) -> list[Change]:
    """What applying would change, now. Raises ConfigInvalidError when the console already took a slug."""
    now_standing = standing()
    taken = [
        *((slug.slug, "component") for slug in wanted.components if slug.slug in now_standing.console_components),
        *((monitor.slug, "monitor") for monitor in wanted.monitors if monitor.slug in now_standing.console_monitors),
    ]
    if taken:
        reason = "made in the console; remove it there first, or give this one another name"
        raise ConfigInvalidError([Problem(file, 1, f"{noun} {slug}", reason) for slug, noun in taken])
    return plan(now_standing, wanted)


@transaction.atomic
def apply_config(wanted: Wanted, file: str, now: datetime) -> list[Change]:
    """Make the database hold what the file wants; return what was changed. All or nothing."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [APPLY_LOCK])
    changes = planned(wanted, file)
    for change in changes:
        write(change, now)
    link_components([change for change in changes if change.noun == "component" and change.sign != "-"])
    if changes:
        notify(CONFIG_CHANNEL, changes=len(changes))
    return changes


def write(change: Change, now: datetime) -> None:
    if change.noun == "platform":
        Platform.objects.update_or_create(id=1, defaults=dict(change.columns))
    elif change.sign == "-":
        remove(change, now)
    elif change.noun == "component":
        columns = {name: value for name, value in change.columns.items() if name != "depends_on"}
        Component.objects.update_or_create(
            slug=change.slug, defaults=columns | {"is_from_file": True, "removed_at": None}
        )
    else:
        write_monitor(change.slug, change.columns, now)


def remove(change: Change, now: datetime) -> None:
    # History stays, so the row does: it is only no longer watched, and no longer shown.
    if change.noun == "component":
        Component.objects.filter(slug=change.slug).update(removed_at=now)
    else:
        Monitor.objects.filter(slug=change.slug).update(removed_at=now, updated_at=now)
        Watch.objects.filter(monitor__slug=change.slug).delete()


def write_monitor(slug: str, columns: Columns, now: datetime) -> None:
    fields: dict[str, Any] = {name: value for name, value in columns.items() if name not in {"component", "locations"}}
    fields["component"] = Component.objects.get(slug=columns["component"]) if columns["component"] else None
    monitor, _ = Monitor.objects.update_or_create(
        slug=slug, defaults=fields | {"is_from_file": True, "removed_at": None, "updated_at": now}
    )
    MonitorState.objects.get_or_create(monitor=monitor)
    watch_from(monitor, columns["locations"], now)


def watch_from(monitor: Monitor, slugs: Sequence[str], now: datetime) -> None:
    """Watch a monitor from these locations and no others; what is new is due at once."""
    Watch.objects.filter(monitor=monitor).exclude(location__slug__in=slugs).delete()
    for slug in slugs:
        location, _ = Location.objects.get_or_create(slug=slug)
        Watch.objects.get_or_create(monitor=monitor, location=location, defaults={"due_at": now})


def link_components(changes: list[Change]) -> None:
    # After all are written, because a component may depend on one further down the file.
    for change in changes:
        component = Component.objects.get(slug=change.slug)
        component.depends_on.set(Component.objects.filter(slug__in=change.columns["depends_on"]))
