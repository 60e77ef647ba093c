"""Own the reading of the platform's name."""

from __future__ import annotations

from dataclasses import dataclass

from monitors.models import Platform


@dataclass(frozen=True, slots=True)
class PlatformView:
    name: str
    url: str
    time_zone: str


def platform() -> PlatformView:
    """The watched platform; before any configuration an unnamed one. One query."""
    row = Platform.objects.first()
    if row is None:
        return PlatformView(name="Mail platform", url="", time_zone="UTC")
    return PlatformView(name=row.name, url=row.url, time_zone=row.time_zone)
