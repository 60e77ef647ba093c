"""Own a watch in the prober's memory: what to run, when, and what the next observation is judged against."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from pydantic import ValidationError

from monitors.engine.standings import standing_from
from monitors.probes import Check, Kind, Observed
from monitors.schedule import MICROSECOND, SECOND_US, microseconds, phase
from monitors.verdicts import Policy, Standing


@dataclass(slots=True, eq=False)
class Held:
    """A watch that this prober holds. Mutable, and touched by the event loop only."""

    watch_id: int
    location_id: int
    kind: Kind
    check: Check
    host: str
    policy: Policy
    interval_us: int
    phase_us: int
    standing: Standing
    configuration: tuple[Any, ...]
    """The row that the above was made from: as long as it is equal, the parsed options stay the same object."""
    due_us: int = 0
    last_us: int = 0
    is_running: bool = False
    """Or waiting for its host to have room; `task` is there while it runs."""
    task: asyncio.Task[None] | None = None
    is_dropped: bool = False
    is_warm: bool = False
    last_success: Observed | None = None
    """The last good observation that carried evidence: written when a failure makes it interesting."""

    @property
    def monitor_id(self) -> int:
        return self.check.monitor_id

    def remember(self, row: Mapping[str, Any]) -> None:
        """Take the judgement that the database holds, after a claim or an outage."""
        self.standing = standing_from(row["standing"], row["window"])
        self.last_us = max(self.last_us, microseconds(row["last_at"]) if row["last_at"] else 0)


CONFIGURED = ("slug", "kind", "options", "interval", "timeout", "down_after", "down_of", "up_after", "up_of")


def configuration_of(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in CONFIGURED)


class UnusableOptionsError(Exception):
    """A monitor's stored options no longer fit its kind: {where}."""


def held_from(row: Mapping[str, Any], kinds: Mapping[str, Kind]) -> Held:
    """Make a claimed row ready to run. Raises UnusableOptionsError, naming the monitor and the field."""
    kind = kinds[row["kind"]]
    try:
        options = kind.options.model_validate(row["options"])
    except ValidationError as error:
        raise UnusableOptionsError(f"{row['slug']}: {error}") from error
    interval_us = row["interval"] // MICROSECOND
    held = Held(
        watch_id=row["watch_id"],
        location_id=row["location_id"],
        kind=kind,
        check=check_from(row, options),
        host=kind.host(options),
        policy=policy_from(row),
        interval_us=interval_us,
        phase_us=phase(f"{row['slug']} {row['location_id']}", interval_us),
        standing=Standing(),
        configuration=configuration_of(row),
        due_us=microseconds(row["due_at"]),
    )
    held.remember(row)
    return held


def check_from(row: Mapping[str, Any], options: Any) -> Check:
    return Check(
        row["monitor_id"], row["slug"], row["kind"], seconds(row["timeout"]), seconds(row["interval"]), options
    )


def policy_from(row: Mapping[str, Any]) -> Policy:
    return Policy(row["down_after"], row["down_of"], row["up_after"], row["up_of"], seconds(row["interval"]))


def seconds(length: timedelta) -> float:
    return length / MICROSECOND / SECOND_US
