"""Own the life of one instance: forked from a warm parent, told its knobs and mode over a channel, never orphaned."""

from __future__ import annotations

import asyncio
import ctypes
import json
import os
import signal
import socket
import sys
import traceback
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, field
from typing import Any

from monitors.sandbox.authority import Authority
from monitors.sandbox.knobs import Knobs
from monitors.sandbox.mode import Mode
from monitors.sandbox.plan import Instance, Plan

PR_SET_PDEATHSIG = 1
STOP_WITHIN_S = 1.5


@dataclass(frozen=True, slots=True)
class Setup:
    """What every instance knows from birth."""

    plan: Plan
    authority: Authority
    database_url: str
    schema: str
    rate: float
    hour_s: float


@dataclass(slots=True)
class Context:
    """One instance's view of its world. `report` is filled in by the role; `on_change` hears of new knobs."""

    setup: Setup
    instance: Instance
    knobs: Knobs = field(default_factory=Knobs)
    mode: Mode = field(default_factory=Mode)
    duplicates: int = 0
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    on_change: list[Callable[[], None]] = field(default_factory=list)
    report: Callable[[], dict[str, Any]] = dict

    @property
    def name(self) -> str:
        return self.instance.name

    def told(self, message: dict[str, Any]) -> None:
        knobs = message["knobs"]
        self.knobs = Knobs(**{**knobs, "weights": tuple(knobs["weights"])})
        self.mode.obey(message["mode"])
        if message["duplicates"] is not None:
            self.duplicates = message["duplicates"]
        for changed in self.on_change:
            changed()

    def answer(self) -> dict[str, Any]:
        return {"epoch": self.mode.epoch, "mode": self.mode.word, "duplicates_left": self.duplicates, **self.report()}


RoleMain = Callable[[Context], Awaitable[None]]


def die_with_parent() -> None:
    """Ask the kernel to kill this process when its parent dies, even by kill -9. A no-op where there is no prctl."""
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        # The parent may have died between our birth and the call above: then nobody will send the signal.
        if os.getppid() != parent:
            os._exit(1)


class Nursery:
    """A process without threads or loops that forks instances: quick to start, and safe to fork from at any time."""

    def __init__(self, setup: Setup, roles: dict[str, RoleMain]) -> None:
        self._socket, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            self._socket.close()
            _serve_nursery(theirs, setup, roles)
        theirs.close()

    def bear(self, name: str) -> socket.socket:
        """Fork the named instance; give our end of its channel, which ends when the instance does."""
        ours, theirs = socket.socketpair()
        socket.send_fds(self._socket, [name.encode()], [theirs.fileno()])
        theirs.close()
        if not self._socket.recv(1):
            raise BrokenPipeError("nobody bears instances any more")
        ours.setblocking(False)
        return ours


def _serve_nursery(requests: socket.socket, setup: Setup, roles: dict[str, RoleMain]) -> None:
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # the kernel buries the dead
    while True:
        name, descriptors, _, _ = socket.recv_fds(requests, 64, 1)
        if not name:
            os._exit(0)
        if os.fork() == 0:
            requests.close()
            _live(setup, setup.plan.instance(name.decode()), roles, socket.socket(fileno=descriptors[0]))
        os.close(descriptors[0])
        requests.send(b".")


def _live(setup: Setup, instance: Instance, roles: dict[str, RoleMain], channel: socket.socket) -> None:
    die_with_parent()
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    status = 1
    try:
        # Not `asyncio.run`: it would cancel what is still open, and streams complain of that at length (Python 3.11).
        asyncio.new_event_loop().run_until_complete(_main(setup, instance, roles[instance.role], channel))
        status = 0
    except OSError as error:
        print(f"{instance.name}: {error}", file=sys.stderr)
    except BaseException:  # the last frame of a forked process: nothing above may run
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(status)


async def _main(setup: Setup, instance: Instance, role: RoleMain, channel: socket.socket) -> None:
    context = Context(setup, instance)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, context.stopping.set)
    work = asyncio.ensure_future(role(context))
    listening = asyncio.ensure_future(_listen(context, channel))
    await asyncio.wait([work, listening], return_when=asyncio.FIRST_COMPLETED)
    context.stopping.set()
    await asyncio.wait([work], timeout=STOP_WITHIN_S)
    if work.done():
        work.result()


async def _listen(context: Context, channel: socket.socket) -> None:
    """Answer every message with a report. The end of the channel is the end of the supervisor, and ours."""
    channel.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=channel)
    await context.ready.wait()
    writer.write(json.dumps({"pid": os.getpid()}).encode() + b"\n")
    while line := await reader.readline():
        context.told(json.loads(line))
        writer.write(json.dumps(context.answer()).encode() + b"\n")


def message(knobs: Knobs, mode: dict[str, Any], duplicates: int | None) -> bytes:
    """The whole wanted state of an instance, so that a message lost with a dead process is made good by the next."""
    return json.dumps({"knobs": asdict(knobs), "mode": mode, "duplicates": duplicates}).encode() + b"\n"
