"""Own the responder's command: a real process whose rounds are still empty.

Correlation, escalation and holds are not built yet. Until they are, the responder beats its heart and consumes
nothing, so that no state change is marked as processed by a process that did nothing with it.
"""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from monitors.processes import Process, run_rounds


class Command(BaseCommand):
    help = "Run the responder. For now it only shows that it is alive: incidents are not opened yet."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--once", action="store_true", help="one round, then end")

    def handle(self, *args: Any, **options: Any) -> None:
        run_rounds("responder", respond, once=options["once"])


def respond(process: Process) -> bool:
    """One round; whether work was found."""
    return False
