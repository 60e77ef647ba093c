"""Own a prober under measurement: monitors made, run for a while in this process, and what that took."""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import uvloop
from django.utils import timezone

from monitors.engine.connections import connect
from monitors.engine.prober import Prober
from monitors.engine.runner import calm_collector
from monitors.engine.spool import Spool
from monitors.models import Location, Monitor, MonitorState, Watch
from monitors.probes import KINDS, Kind
from monitors.services.partitions import tend_partitions
from tests.benchmarks.rows import cpu_s

WARM_UP_S = 2.0


@dataclass(frozen=True, slots=True)
class Run:
    """What a prober did in the measured time. `results` counts what it saw, so that failures cannot look fast."""

    seconds: float
    checks: int
    stored: int
    cpu_s: float
    database_cpu_s: float
    lags_ms: list[float]
    results: Mapping[str, int]

    @property
    def checks_per_cpu_s(self) -> float:
        return self.stored / self.cpu_s

    @property
    def checks_per_cpu_s_with_database(self) -> float:
        return self.stored / (self.cpu_s + self.database_cpu_s)


def make_monitors(kind: str, count: int, every: timedelta, options: Callable[[int], dict[str, Any]]) -> None:
    """Only these: what an earlier measurement watched is removed."""
    Monitor.objects.all().delete()
    location, _ = Location.objects.get_or_create(slug="bench")
    Monitor.objects.bulk_create(
        Monitor(
            slug=f"{kind}-{number}",
            name=f"{kind}-{number}",
            kind=kind,
            options=options(number),
            interval=every,
            timeout=timedelta(seconds=5),
        )
        for number in range(count)
    )
    monitors = list(Monitor.objects.all())
    MonitorState.objects.bulk_create(MonitorState(monitor=monitor) for monitor in monitors)
    Watch.objects.bulk_create(Watch(monitor=monitor, location=location) for monitor in monitors)


def measured(seconds: float, kinds: Mapping[str, Kind] = KINDS, *, warm_up_s: float = WARM_UP_S) -> Run:
    """Run a prober over the monitors that there are, as `manage.py probe` does."""
    tend_partitions(timezone.now())
    calm_collector()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run(seconds, kinds, warm_up_s))


async def run(seconds: float, kinds: Mapping[str, Kind], warm_up_s: float) -> Run:
    with tempfile.TemporaryDirectory() as directory:
        spool = Spool(Path(directory) / "spool")
        results: dict[str, int] = {}
        prober = Prober(uuid4(), "bench", kinds, spool, on_observed=lambda seen: count(results, seen))
        stop = asyncio.Event()
        task = asyncio.create_task(prober.run(stop))
        await asyncio.sleep(warm_up_s)
        results.clear()
        prober.runner.lags_us.clear()
        checks, stored, at_s = prober.runner.finished, prober.recorder.stored, time.monotonic()
        pids = await backends(prober)
        ours, databases = cpu_s(os.getpid()), database_cpu_s(pids)
        await asyncio.sleep(seconds)
        taken = Run(
            time.monotonic() - at_s,
            prober.runner.finished - checks,
            prober.recorder.stored - stored,
            cpu_s(os.getpid()) - ours,
            database_cpu_s(pids) - databases,
            [lag / 1000 for lag in prober.runner.lags_us],
            dict(results),
        )
        stop.set()
        await task
        spool.close()
    return taken


def count(results: dict[str, int], seen: Any) -> None:
    reason = seen.result.reason
    results[reason] = results.get(reason, 0) + 1


def database_cpu_s(pids: list[int]) -> float:
    return sum(cpu_s(pid) for pid in pids)


async def backends(prober: Prober) -> list[int]:
    """The server's processes that work for the prober."""
    async with await connect("bench", prober.parameters) as looking:
        cursor = await looking.execute(
            "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'standpipe prober%'"
        )
        return [pid for (pid,) in await cursor.fetchall()]
