"""Own questions about who watches what from where."""

from __future__ import annotations

from collections.abc import Iterable

from monitors.models import Watch


def unwatched_slugs(slugs: Iterable[str], location: str) -> list[str]:
    """Those of the slugs that no running monitor watched from this location has, sorted. One query."""
    wanted = set(slugs)
    watched = Watch.objects.filter(
        monitor__slug__in=wanted,
        monitor__removed_at=None,
        monitor__is_paused=False,
        location__slug=location,
    )
    return sorted(wanted - set(watched.values_list("monitor__slug", flat=True)))
