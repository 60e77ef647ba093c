"""Own child processes while `manage.py up` runs: start them, show what they say, start the dead again, end them all."""

from __future__ import annotations

import os
import selectors
import signal
import subprocess
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO

from statuspage.parentage import end_with_us

LOOK_EVERY_S = 0.1
BACK_OFF_FIRST_S = 0.5
BACK_OFF_MAX_S = 30.0
STEADY_AFTER_S = 30.0
"""A child that lived this long is well: its next death is a first one again."""
END_WITHIN_S = 5.0
END_LAST_WITHIN_S = 2.5
"""Together with the database's own end, everything is gone within 10 s."""
CHUNK = 65_536

Say = Callable[[str, str], None]
"""Shows one line under a name."""


@dataclass(slots=True, eq=False)
class Child:
    name: str
    command: list[str]
    ends_last: bool = False
    process: subprocess.Popen[bytes] | None = None
    started_at_s: float = 0.0
    back_off_s: float = BACK_OFF_FIRST_S
    due_at_s: float = 0.0
    unfinished: bytes = b""

    @property
    def is_alive(self) -> bool:
        return self.process is not None and self.process.poll() is None

    @property
    def output(self) -> IO[bytes]:
        assert self.process is not None
        assert self.process.stdout is not None
        return self.process.stdout

    def tell(self, number: signal.Signals) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(number)


@dataclass(slots=True)
class Supervisor:
    """Runs in one thread: the kernel ties the children to the thread that started them."""

    children: list[Child]
    say: Say
    environment: dict[str, str]
    is_stopping: bool = False
    is_impatient: bool = False
    """Do not wait for what does not end at once."""
    outputs: selectors.BaseSelector = field(default_factory=selectors.DefaultSelector)

    def run(self, each_look: Iterable[Callable[[], None]] = ()) -> None:
        """Until `is_stopping`; calls each of `each_look` some ten times a second."""
        try:
            while not self.is_stopping:
                for child in self.children:
                    self.keep(child)
                self.read(LOOK_EVERY_S)
                for look in each_look:
                    look()
        finally:
            self.end()

    def keep(self, child: Child) -> None:
        if child.is_alive:
            return
        if child.process is not None:
            self.bury(child)
        if time.monotonic() >= child.due_at_s:
            self.start(child)

    def start(self, child: Child) -> None:
        """In a process group of its own: Ctrl-C reaches us alone, and what the child leaves behind can be swept."""
        child.process = subprocess.Popen(
            child.command,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            env=os.environ | self.environment,
            process_group=0,
            preexec_fn=end_with_us(signal.SIGTERM),  # noqa: PLW1509 - one thread, as above
        )
        child.started_at_s = time.monotonic()
        os.set_blocking(child.output.fileno(), False)
        self.outputs.register(child.output, selectors.EVENT_READ, child)

    def bury(self, child: Child) -> None:
        """Show its last words, sweep its group, and set the time of its next start."""
        assert child.process is not None
        status = child.process.returncode
        self.close(child)
        now = time.monotonic()
        if now - child.started_at_s > STEADY_AFTER_S:
            child.back_off_s = BACK_OFF_FIRST_S
        child.due_at_s = now + child.back_off_s
        if not self.is_stopping:
            how = ending(status)
            self.say("up", f"{child.name} ended {how}, starting it again in {child.back_off_s:g} s")
        child.back_off_s = min(2 * child.back_off_s, BACK_OFF_MAX_S)

    def close(self, child: Child) -> None:
        assert child.process is not None
        while self.hear(child):
            pass
        if child.unfinished:
            self.say(child.name, child.unfinished.decode(errors="replace"))
            child.unfinished = b""
        self.outputs.unregister(child.output)
        child.output.close()
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(child.process.pid, signal.SIGKILL)
        child.process = None

    def read(self, within_s: float) -> None:
        for key, _ in self.outputs.select(within_s):
            self.hear(key.data)

    def hear(self, child: Child) -> bool:
        """Show what it said since; whether there may be more at once."""
        said = b""
        with suppress(BlockingIOError):
            said = os.read(child.output.fileno(), CHUNK)
        *lines, child.unfinished = (child.unfinished + said).split(b"\n")
        for line in lines:
            self.say(child.name, line.decode(errors="replace"))
        return len(said) == CHUNK

    def end(self) -> None:
        """Terminate all, first those that watch and then what they watch; kill what does not end in time."""
        self.is_stopping = True
        self.end_together([child for child in self.children if not child.ends_last], END_WITHIN_S)
        self.end_together([child for child in self.children if child.ends_last], END_LAST_WITHIN_S)

    def end_together(self, children: list[Child], within_s: float) -> None:
        for child in children:
            child.tell(signal.SIGTERM)
        deadline = time.monotonic() + within_s
        while any(child.is_alive for child in children) and time.monotonic() < deadline and not self.is_impatient:
            self.read(LOOK_EVERY_S / 2)
        for child in children:
            if child.is_alive:
                self.say("up", f"{child.name} did not end in time and is killed")
                child.tell(signal.SIGKILL)
            if child.process is not None:
                child.process.wait()
                self.close(child)


def ending(status: int) -> str:
    return f"by signal {-status}" if status < 0 else f"with status {status}"
