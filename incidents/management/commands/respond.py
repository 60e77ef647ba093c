"""Own the responder's command: rounds that, so far, only say where nobody looks any more.

Correlation, escalation and holds are not built yet. Until they are, the responder consumes nothing, so that no state
change is marked as processed by a process that did nothing with it.
"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from incidents.silence import Watchman
from monitors.processes import Process, run_rounds


class Command(BaseCommand):
    help = "Run the responder. For now it says which monitors no prober looks at; incidents are not opened yet."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="one round, then end")

    def handle(self, *args: Any, **options: Any) -> None:
        watchman = Watchman()

        def respond(process: Process) -> bool:
            """One round; whether work was found."""
            return watchman.look()

        run_rounds("responder", respond, once=options["once"])
