"""Own the ground of engine tests: a kind that does what its script says, and a prober to run it in."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

from asgiref.sync import sync_to_async

from monitors.engine.prober import Prober
from monitors.engine.spool import Spool
from monitors.models import Component, Location, Monitor, MonitorState, Watch
from monitors.options import Strict
from monitors.probes import Check, Kind
from monitors.results import ProbeResult, Result

LETTERS = {"o": Result.OK, "w": Result.WARN, "f": Result.FAIL, "u": Result.UNKNOWN, "?": Result.FAIL}


class Scripted(Strict):
    host: str = "scripted"


class Script:
    """What a scripted monitor answers: the letters in turn, the last one for ever."""

    def __init__(self) -> None:
        self.letters: dict[str, str] = {}
        self.runs: dict[str, int] = {}
        self.running = self.most_running = 0
        self.lasts_s = 0.0

    async def run(self, check: Check) -> ProbeResult:
        turn = self.runs[check.slug] = self.runs.get(check.slug, 0) + 1
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        await asyncio.sleep(self.lasts_s)
        self.running -= 1
        letters = self.letters.get(check.slug, "o")
        letter = letters[min(turn, len(letters)) - 1]
        if letter == "!":
            raise RuntimeError("the probe is broken")
        if letter == "_":
            await asyncio.sleep(60)
        said = {"o": "answered", "w": "slow", "f": "refused", "u": "resolver_timeout", "?": "timeout"}[letter]
        return ProbeResult(LETTERS[letter], said, f"{check.slug} {said}.", 1.5, {"connect": 0.5}, f"wire said {said}")

    def kinds(self, **more: Any) -> dict[str, Kind]:
        return {"scripted": Kind("scripted", Scripted, self.run, lambda options: options.host, **more)}


def make_monitor(slug: str, every_s: float = 1.0, locations: tuple[str, ...] = ("main",), **fields: Any) -> Monitor:
    defaults = {
        "kind": "scripted",
        "name": slug,
        "interval": timedelta(seconds=every_s),
        "timeout": timedelta(seconds=1),
    }
    monitor = Monitor.objects.create(slug=slug, **(defaults | fields))
    MonitorState.objects.create(monitor=monitor)
    for place in locations:
        location, _ = Location.objects.get_or_create(slug=place)
        Watch.objects.create(monitor=monitor, location=location)
    return monitor


def make_component(slug: str, **fields: Any) -> Component:
    return Component.objects.create(slug=slug, name=slug.title(), **fields)


def make_prober(script: Script, directory: Path, location: str = "main", **more: Any) -> Prober:
    owner = uuid4()
    return Prober(owner, location, more.pop("kinds", script.kinds()), Spool(directory / str(owner)), **more)


@asynccontextmanager
async def running(prober: Prober) -> AsyncIterator[Prober]:
    stop = asyncio.Event()
    task = asyncio.create_task(prober.run(stop))
    try:
        yield prober
    finally:
        stop.set()
        try:
            await task
        finally:
            prober.recorder.spool.close()


in_database = sync_to_async
