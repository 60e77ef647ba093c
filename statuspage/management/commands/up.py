"""Own `manage.py up`: everything on one machine, in one terminal."""

from __future__ import annotations

import os
import signal
import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand

from monitors.sandbox import plan as sandbox_plan
from statuspage import starting
from statuspage.database import embedded
from statuspage.database.base import let_go
from statuspage.database.place import Place
from statuspage.database.watch import DatabaseWatch
from statuspage.environment import CHECKOUT, DEFAULT_PORT
from statuspage.introduction import Introduction
from statuspage.supervisor import Child, Say, Supervisor
from statuspage.terminal import Terminal

CONFIG_NAME = "standpipe.yaml"


class Command(BaseCommand):
    help = "Run everything on this machine: database, web, prober, responder, and the sandbox where asked."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--sandbox", action="store_true", help="run the sandbox mail platform, and watch it")
        parser.add_argument("--config", type=Path, metavar="FILE", help=f"apply this file; default {CONFIG_NAME}")
        parser.add_argument("--bind", default="127.0.0.1", metavar="ADDR", help="address to listen on")
        parser.add_argument("--port", type=int, default=DEFAULT_PORT, metavar="N", help="port to listen on")

    def handle(self, *args: Any, bind: str, port: int, sandbox: bool, config: Path | None, **options: Any) -> None:
        say = Terminal().say
        starting.check_port(bind, port)
        config = config or (Path(CONFIG_NAME) if Path(CONFIG_NAME).exists() else None)
        if config is None and not sandbox:
            say("up", f"there is no {CONFIG_NAME}: the sandbox mail platform is started and watched")
            sandbox = True
        place: Place | None = settings.DATABASES["default"].get("EMBEDDED_AT")
        address = settings.ENV.url.geturl() if "STANDPIPE_URL" in os.environ else starting.address(bind, port)
        ground = sandbox_plan.first_free() if sandbox else None
        supervisor = Supervisor(children(bind, port, ground), say, surroundings(address, place))
        with ended_by_signals(supervisor):
            prepare(say, config)
            looks = [starting.Welcome(say, bind, port, address).look]
            if place:
                looks.append(DatabaseWatch(place, say).look)
            if ground and config is None:
                looks.append(Introduction(say, f"http://{ground.control}", address, settings.ENV.data_dir).look)
            supervisor.run(looks)
        if place and not embedded.release(place):
            say("up", "the database goes on: another process uses it")
        say("up", "ended")


def children(bind: str, port: int, ground: sandbox_plan.Plan | None) -> list[Child]:
    """Every process but the database, in the order of their start."""
    started = [
        Child("web", manage("serve", "--bind", bind, "--port", str(port))),
        Child("prober", manage("probe")),
        Child("responder", manage("respond")),
    ]
    if ground:
        command = manage("sandbox", "up", "--base-port", str(ground.base_port))
        started.append(Child("sandbox", command, ends_last=True))
    return started


def manage(*words: str) -> list[str]:
    return [sys.executable, str(CHECKOUT / "manage.py"), *words]


def surroundings(address: str, place: Place | None) -> dict[str, str]:
    """What children are told: one address, and one database, which is held open by us for all of them."""
    told = {"STANDPIPE_URL": address, "PYTHONUNBUFFERED": "1"}
    return told | ({"DATABASE_URL": embedded.url(place)} if place else {})


def prepare(say: Say, config: Path | None) -> None:
    if starting.migrate():
        say("up", "the tables were brought up to this version")
    if starting.collect_static_files():
        say("up", "static files were collected")
    if config:
        say("up", f"applying {config}")
        call_command("apply", str(config))
    let_go()


@contextmanager
def ended_by_signals(supervisor: Supervisor) -> Iterator[None]:
    """The first signal ends all in order. A second one is an impatient operator's: nobody is waited for."""

    def on_signal(number: int, frame: FrameType | None) -> None:
        supervisor.is_impatient = supervisor.is_stopping
        supervisor.is_stopping = True

    before = {number: signal.signal(number, on_signal) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
