"""Own the life of a worker process: its heartbeat row, its answer to SIGTERM, and its rounds.

A beat is written by the loop that does the work, never by a thread beside it: a loop that hangs stops beating,
and is seen. A synchronous worker hands `run_rounds` its round; an asynchronous one hands `run_async` its main
coroutine, which is given the event that tells it to stop.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import threading
import time
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from types import FrameType
from typing import Any

import uvloop
from django.db import InterfaceError, OperationalError, close_old_connections
from django.db.models.functions import Now

from monitors.models import ProcessBeat

BEAT_EVERY_S = 3.0
ALIVE_WITHIN = timedelta(seconds=10)
"""A process whose last beat is older is taken for dead: three beats missed."""
FORGOTTEN_AFTER = timedelta(days=1)
PAUSE_S = 1.0
BACK_OFF_S = 2.0
"""Pause after the database refused: short enough to be back within the 10 s that a takeover may last."""
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
DATABASE_GONE = (OperationalError, InterfaceError)

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Process:
    """This process, as the heartbeat table shows it. `detail` goes out with the next beat."""

    role: str
    location: str = ""
    detail: dict[str, Any] = field(default_factory=dict)
    id: uuid.UUID = field(default_factory=uuid.uuid4)
    stopping: threading.Event = field(default_factory=threading.Event)
    beat_at_s: float = -BEAT_EVERY_S
    """When the last beat was tried, by the monotonic clock."""

    @property
    def is_beat_due(self) -> bool:
        return time.monotonic() - self.beat_at_s >= BEAT_EVERY_S

    def beat(self) -> None:
        """Insert or refresh the own row. A database that is gone is logged, and does not end the process."""
        self.beat_at_s = time.monotonic()
        try:
            ProcessBeat.objects.bulk_create(
                [self.row()], update_conflicts=True, unique_fields=["id"], update_fields=["beat_at", "detail"]
            )
        except DATABASE_GONE as error:
            log.warning("heartbeat not written", extra={"role": self.role, "error": first_line(error)})
        finally:
            close_old_connections()

    def row(self) -> ProcessBeat:
        return ProcessBeat(
            id=self.id,
            role=self.role,
            host=socket.gethostname()[:253],
            pid=os.getpid(),
            location=self.location,
            beat_at=Now(),
            detail=self.detail,
        )

    def end(self) -> None:
        """Remove the own row, and rows of processes that died long ago."""
        with suppress(*DATABASE_GONE):
            ProcessBeat.objects.filter(id=self.id).delete()
            ProcessBeat.objects.filter(beat_at__lt=Now() - FORGOTTEN_AFTER).delete()
        log.info("ended", extra={"role": self.role})


def run_rounds(role: str, work: Callable[[Process], bool], *, once: bool = False, location: str = "") -> None:
    """Call `work` until SIGTERM or SIGINT; it says whether it found work, and is called again at once if so.

    `once` makes a single round without signals or pause. A database that is gone is waited for; any other
    error ends the process loudly, since a worker that limps on hides its fault.
    """
    process = Process(role, location)
    if once:
        work(process)
        return
    with stopped_by_signals(process.stopping.set), living(process):
        while not process.stopping.is_set():
            if process.is_beat_due:
                process.beat()
            if not one_round(process, work):
                process.stopping.wait(PAUSE_S)


def one_round(process: Process, work: Callable[[Process], bool]) -> bool:
    try:
        return work(process)
    except DATABASE_GONE as error:
        log.warning("database gone, round skipped", extra={"role": process.role, "error": first_line(error)})
        process.stopping.wait(BACK_OFF_S)
        return False
    finally:
        close_old_connections()


def run_async(role: str, main: Callable[[Process, asyncio.Event], Awaitable[None]], *, location: str = "") -> None:
    """Run `main` in a new event loop beside its heartbeat; SIGTERM and SIGINT set the event that it is given.

    `main` returns when it has drained its work.
    """
    process = Process(role, location)
    with living(process), asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(beside_heartbeat(process, main))


async def beside_heartbeat(process: Process, main: Callable[[Process, asyncio.Event], Awaitable[None]]) -> None:
    beating = asyncio.create_task(beat_on(process))
    try:
        await main(process, stop_event())
    finally:
        beating.cancel()
        with suppress(asyncio.CancelledError):
            await beating


async def beat_on(process: Process) -> None:
    while True:
        await asyncio.sleep(BEAT_EVERY_S)
        await asyncio.to_thread(process.beat)


def stop_event() -> asyncio.Event:
    """An event set by SIGTERM or SIGINT. A second signal is an impatient operator's: it ends at once."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def on_signal(number: signal.Signals) -> None:
        loop.remove_signal_handler(number)
        stop.set()

    for number in STOP_SIGNALS:
        loop.add_signal_handler(number, on_signal, number)
    return stop


@contextmanager
def living(process: Process) -> Iterator[None]:
    log.info("started", extra={"role": process.role, "location": process.location, "id": str(process.id)})
    process.beat()
    try:
        yield
    finally:
        process.end()


@contextmanager
def stopped_by_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Turn SIGTERM and SIGINT into a call of `stop`; a second signal ends the process at once, as above."""

    def on_signal(number: int, frame: FrameType | None) -> None:
        signal.signal(number, signal.SIG_DFL)
        stop()

    before = {number: signal.signal(number, on_signal) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)


def first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
