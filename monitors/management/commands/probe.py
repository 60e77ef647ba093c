"""Own the prober's command: the process that watches, and the single look for scripts."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from monitors.engine.guard import Anchor, system_anchors
from monitors.engine.once import probe_once
from monitors.engine.prober import Prober
from monitors.engine.runner import calm_collector
from monitors.engine.spool import Spool
from monitors.probes import KINDS, Observed
from monitors.processes import Process, run_async
from monitors.results import Result
from monitors.selectors.watches import unwatched_slugs
from monitors.services.housekeeping import run_chores


class Command(BaseCommand):
    help = "Watch: claim due monitors, probe them, judge and store. Any number of probers share the work."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="run each due or named monitor once, then end")
        parser.add_argument("--monitor", action="append", default=[], metavar="SLUG", help="only this one, due or not")
        parser.add_argument("--location", default=settings.LOCATION, help="the place that is probed from")
        parser.add_argument("--json", action="store_true", help="print one JSON object per observation")

    def handle(self, *args: Any, **options: Any) -> None:
        self.location, self.is_json = options["location"], options["json"]
        if options["once"]:
            self.look_once(options["monitor"])
        elif options["monitor"]:
            raise CommandError("--monitor goes with --once: a running prober watches everything that is its share")
        else:
            run_async("prober", self.watch, location=self.location)

    async def watch(self, process: Process, stop: asyncio.Event) -> None:
        spool = Spool(Path(settings.SPOOL_DIR) / str(process.id), limit_bytes=settings.SPOOL_BYTES)
        on_observed = self.print if self.is_json else None
        prober = Prober(
            process.id, self.location, KINDS, spool, on_observed=on_observed, anchors=anchors(), chores=run_chores
        )
        calm_collector()
        try:
            await prober.run(stop)
        finally:
            spool.close()

    def look_once(self, slugs: list[str]) -> None:
        if missing := unwatched_slugs(slugs, self.location):
            raise CommandError(f"not watched from {self.location}: {', '.join(missing)}")
        observed = asyncio.run(probe_once(self.location, KINDS, slugs, self.print))
        if any(one.result.result in (Result.FAIL, Result.UNKNOWN) for one in observed):
            sys.exit(1)

    def print(self, observed: Observed) -> None:
        self.stdout.write(json_line(observed, self.location) if self.is_json else text_line(observed))


def anchors() -> list[Anchor]:
    return [Anchor.parse(text) for text in settings.ANCHORS] or system_anchors()


def json_line(observed: Observed, location: str) -> str:
    result = observed.result
    return json.dumps(
        {
            "monitor": observed.check.slug,
            "at": observed.at.isoformat(),
            "location": location,
            "result": result.result.value,
            "reason": result.reason,
            "sentence": result.sentence,
            "latency_ms": result.latency_ms,
            "phases_ms": dict(result.phases_ms),
        }
    )


def text_line(observed: Observed) -> str:
    latency = "" if observed.result.latency_ms is None else f" {observed.result.latency_ms:.1f} ms"
    return f"{observed.result.result.value:8}{observed.check.slug}{latency}  {observed.result.sentence}"
