"""Own the shape of `standpipe.yaml`: what each section may say, with what defaults."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any
from zoneinfo import available_timezones

from pydantic import AfterValidator, AnyHttpUrl, Field, StringConstraints, model_validator

from monitors.models import Component
from monitors.options import Duration, Strict

SLUG = r"^[a-z0-9]([a-z0-9-]*[a-z0-9])?$"
Slug = Annotated[str, StringConstraints(pattern=SLUG, max_length=63)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
DomainName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$", max_length=253)]

FASTEST = timedelta(milliseconds=500)
SLOWEST = timedelta(days=7)
CONFIRMATION = re.compile(r"(\d{1,2}) of (\d{1,2})")


def interval_in_range(value: timedelta) -> timedelta:
    if not FASTEST <= value <= SLOWEST:
        raise ValueError("an interval is between 500ms and 7d")
    return value


def timeout_in_range(value: timedelta) -> timedelta:
    if not timedelta(milliseconds=50) <= value <= timedelta(seconds=60):
        raise ValueError("a timeout is between 50ms and 60s")
    return value


def known_time_zone(value: str) -> str:
    if value not in available_timezones():
        raise ValueError(f"{value!r} is not a time zone; write one such as Europe/Paris")
    return value


Interval = Annotated[Duration, AfterValidator(interval_in_range)]
Timeout = Annotated[Duration, AfterValidator(timeout_in_range)]


class PlatformEntry(Strict):
    name: Name
    url: AnyHttpUrl | None = None
    time_zone: Annotated[str, AfterValidator(known_time_zone)] = "UTC"


class ComponentEntry(Strict):
    slug: Slug
    name: Name
    tier: Component.Tier = Component.Tier.OTHER
    group: Annotated[str, StringConstraints(max_length=100)] = ""
    description: Annotated[str, StringConstraints(max_length=2000)] = ""
    public: bool = False
    depends_on: list[Slug] = []
    downtime_tolerance: Duration | None = None
    loss_tolerance: bool = Field(default=False, description="true where losing content is acceptable")


class OutOf(Strict):
    """`N of M`: confirmed when N of the last M observations agree."""

    count: Annotated[int, Field(ge=1, le=20)]
    window: Annotated[int, Field(ge=1, le=20)]

    @model_validator(mode="before")
    @classmethod
    def parse(cls, value: Any) -> Any:
        if isinstance(value, str):
            match = CONFIRMATION.fullmatch(value)
            if match is None:
                raise ValueError(f"{value!r} is not a confirmation; write it as 2 of 3")
            value = {"count": int(match[1]), "window": int(match[2])}
        if isinstance(value, dict) and value.get("count", 0) > value.get("window", 0):
            raise ValueError("more observations asked for than looked at")
        return value


class Confirmation(Strict):
    down: OutOf = OutOf(count=2, window=3)
    up: OutOf = OutOf(count=2, window=2)


class Common(Strict):
    """What every monitored thing may say, whatever its kind."""

    component: Slug | None = None
    site: Annotated[str, StringConstraints(max_length=63)] = ""
    zone: Annotated[str, StringConstraints(max_length=63)] = ""
    every: Interval = timedelta(seconds=10)
    timeout: Timeout = timedelta(seconds=5)
    confirm: Confirmation = Confirmation()
    locations: list[Slug] = Field(default=[], description="empty: the location `main`")
    paused: bool | None = Field(default=None, description="left out: paused and resumed from the console")


class MonitorEntry(Common):
    slug: Slug
    kind: str
    name: Name | None = None


class DomainEntry(Common):
    name: DomainName
    every: Interval = timedelta(minutes=5)
    timeout: Timeout = timedelta(seconds=20)


class QueueEntry(Common):
    slug: Slug
    kind: str = Field(description="where the figures come from")
    name: Name | None = None
    every: Interval = timedelta(seconds=2)
    confirm: Confirmation = Confirmation(down=OutOf(count=1, window=1), up=OutOf(count=2, window=2))
