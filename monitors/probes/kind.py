"""Own the seam between the prober and a kind of monitor: what a kind is given, and what it must offer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import AsyncConnection
from pydantic import BaseModel

from monitors.results import ProbeResult


@dataclass(frozen=True, slots=True)
class Check:
    """One monitor as a probe sees it. `options` is an instance of the kind's options model."""

    monitor_id: int
    slug: str
    kind: str
    timeout_s: float
    interval_s: float
    options: Any


@dataclass(frozen=True, slots=True)
class Observed:
    """One finished check: what was asked, from where, when it was started (UTC), and the answer."""

    check: Check
    location_id: int
    at: datetime
    result: ProbeResult


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of monitor. `run` never raises and returns within `check.timeout_s`: every failure is a result.

    `host` names the target for the bound on concurrency per host. `keep`, where a kind has more to
    store than observations, writes the `details` of a batch inside the transaction that stores the
    observations. `warm` is awaited before a monitor's first run in this process, to reload what the
    kind remembers between runs (a queue's last samples). `close` is awaited once, when the prober ends.
    """

    name: str
    options: type[BaseModel]
    run: Callable[[Check], Awaitable[ProbeResult]]
    host: Callable[[Any], str]
    keep: Callable[[AsyncConnection, Sequence[Observed]], Awaitable[None]] | None = None
    warm: Callable[[AsyncConnection, Sequence[Check]], Awaitable[None]] | None = None
    close: Callable[[], Awaitable[None]] | None = None
