"""Own the writing of what operators do to monitors: pause, resume, mute, edit. `by` names who did it."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from pydantic import BaseModel, ValidationError

from monitors.errors import FileManagedError, OptionsError, StaleEditError
from monitors.models import ChangeEvent, Component, Monitor
from monitors.notices import CONFIG_CHANNEL, notify
from monitors.options import Secret
from monitors.probes import KINDS

NEW_SECRET = "this monitor has no such secret yet: which secrets a probe may read is said in standpipe.yaml only"  # noqa: S105 - a sentence


@dataclass(frozen=True, slots=True)
class MonitorEdit:
    """Everything about a monitor that may be edited, as it is wanted."""

    name: str
    component: Component | None
    site: str
    zone: str
    interval: timedelta
    timeout: timedelta
    down_after: int
    down_of: int
    up_after: int
    up_of: int
    options: Mapping[str, Any]


@transaction.atomic
def pause_monitor(monitor: Monitor, by: str, now: datetime) -> bool:
    """Stop probing. False if it was paused already."""
    if Monitor.objects.filter(pk=monitor.pk, is_paused=False).update(is_paused=True, updated_at=now) != 1:
        return False
    tell(monitor, f"{monitor.slug} paused", by, now)
    return True


@transaction.atomic
def resume_monitor(monitor: Monitor, by: str, now: datetime) -> bool:
    """Probe again, at once. False if it was not paused."""
    if Monitor.objects.filter(pk=monitor.pk, is_paused=True).update(is_paused=False, updated_at=now) != 1:
        return False
    monitor.watches.update(due_at=now)
    tell(monitor, f"{monitor.slug} resumed", by, now)
    return True


@transaction.atomic
def mute_monitor(monitor: Monitor, until: datetime, reason: str, by: str, now: datetime) -> None:
    """Keep probing and judging, and alert nobody before `until`. A second mute replaces the first."""
    Monitor.objects.filter(pk=monitor.pk).update(muted_until=until, muted_reason=reason, updated_at=now)
    tell(monitor, f"{monitor.slug} muted: {reason}", by, now, until=until.isoformat())


@transaction.atomic
def unmute_monitor(monitor: Monitor, by: str, now: datetime) -> bool:
    """False if it was not muted."""
    muted = Monitor.objects.filter(pk=monitor.pk, muted_until__gt=now)
    if muted.update(muted_until=None, muted_reason="", updated_at=now) != 1:
        return False
    tell(monitor, f"{monitor.slug} no longer muted", by, now)
    return True


@transaction.atomic
def edit_monitor(monitor: Monitor, edit: MonitorEdit, seen_at: datetime, by: str, now: datetime) -> None:
    """Make a monitor what `edit` says, if nobody else changed it since `seen_at` (its `updated_at` then).

    Raises FileManagedError, OptionsError, StaleEditError.
    """
    if monitor.is_from_file:
        raise FileManagedError(FileManagedError.__doc__)
    columns = {name: getattr(edit, name) for name in MonitorEdit.__slots__}
    columns["options"] = valid_options(monitor.kind, edit.options)
    refuse_new_secrets(monitor, columns["options"])
    # Compare and set: of two who save at once, the second changes no row and is told.
    unchanged = Monitor.objects.filter(pk=monitor.pk, updated_at=seen_at, is_from_file=False)
    if unchanged.update(**columns, updated_at=now) != 1:
        raise StaleEditError(StaleEditError.__doc__)
    monitor.watches.update(due_at=now)
    tell(monitor, f"{monitor.slug} edited", by, now)


def valid_options(kind: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options in the shape in which they are stored. Raises OptionsError with every field at once."""
    try:
        wanted = KINDS[kind].options.model_validate(options)
    except ValidationError as error:
        raise OptionsError({path_of(fault["loc"]): fault["msg"] for fault in error.errors()}) from error
    stored: dict[str, Any] = wanted.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return stored


def refuse_new_secrets(monitor: Monitor, wanted: Mapping[str, Any]) -> None:
    """A reference names any variable or file that a prober can read, our own key too, and the probe sends what stands
    there to an address of the editor's choice. So the console keeps references, and makes none. Raises OptionsError.
    """
    options = KINDS[monitor.kind].options
    try:
        known = {secret for _, secret in secrets_in(options.model_validate(monitor.options))}
    except ValidationError:  # stored by an older version
        known = set()
    new = {path: NEW_SECRET for path, secret in secrets_in(options.model_validate(wanted)) if secret not in known}
    if new:
        raise OptionsError(new)


def secrets_in(value: Any, path: str = "") -> Iterator[tuple[str, Secret]]:
    if isinstance(value, Secret):
        yield path, value
        return
    parts: Iterable[tuple[Any, Any]] = ()
    if isinstance(value, BaseModel):
        parts = value
    elif isinstance(value, Mapping):
        parts = value.items()
    elif isinstance(value, list | tuple):
        parts = enumerate(value)
    for name, part in parts:
        yield from secrets_in(part, f"{path}.{name}" if path else str(name))


def path_of(location: tuple[int | str, ...]) -> str:
    return ".".join(map(str, location)) or "options"


def tell(monitor: Monitor, title: str, by: str, now: datetime, **detail: Any) -> None:
    """Let probers reload, and leave a mark in timeline and charts."""
    ChangeEvent.objects.create(
        key=f"console:{uuid.uuid4()}",
        kind="console",
        title=title[:300],
        source=by,
        detail={"monitor": monitor.slug} | detail,
        occurred_at=now,
    )
    notify(CONFIG_CHANNEL, monitor=monitor.slug)
