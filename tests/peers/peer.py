"""Own what every peer shares: being found or installed, a directory, free ports, a start, and a sure end."""

from __future__ import annotations

import contextlib
import fcntl
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar, Self

from tests.waiting import wait_until

SYSTEM_PATH = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin:/usr/local/sbin"
INSTALL_TIMEOUT_S = 600
CHANCE = random.SystemRandom()
"""Not the shared one, which begins anew with every test and in every worker alike."""
PORTS = range(10_000, 20_000)
"""Below those that the kernel gives to clients, and that sandboxes take: nobody's next question takes one."""
STARTS = 3
"""A free port may be taken by a neighbour between finding and binding it: a start is tried again."""


class MissingPeerError(Exception):
    """A peer is not on this machine and cannot be installed here."""


class NotStartedError(AssertionError):
    """A peer ended or did not answer while it was started; its log is in the message."""


def is_free(host: str, port: int) -> bool:
    """Whether nobody has the port, neither for TCP nor for UDP."""
    with socket.socket() as stream, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
        try:
            stream.bind((host, port))
            datagrams.bind((host, port))
        except OSError:
            return False
    return True


def free_port() -> int:
    for port in CHANCE.sample(PORTS, 50):
        if is_free("127.0.0.1", port):
            return port
    raise NotStartedError("no free port")


def is_listening(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def install(packages: list[str]) -> None:
    """Install Debian packages, one worker at a time. Raises MissingPeerError where we may not or it fails."""
    if not packages:
        return
    if os.geteuid() != 0 or shutil.which("apt-get") is None:
        raise MissingPeerError(f"not installed: apt install {' '.join(packages)}")
    environment = os.environ | {"DEBIAN_FRONTEND": "noninteractive"}
    with Path(tempfile.gettempdir(), "standpipe-peers.lock").open("w") as lock, no_autostart():
        fcntl.flock(lock, fcntl.LOCK_EX)
        command = ["apt-get", "install", "--yes", "--quiet", "--no-install-recommends", *packages]
        for step in (["apt-get", "update", "--quiet"], command):
            done = subprocess.run(
                step, env=environment, capture_output=True, text=True, timeout=INSTALL_TIMEOUT_S, check=False
            )
            if done.returncode:
                raise MissingPeerError(f"apt-get could not install {' '.join(packages)}: {done.stderr.strip()[-300:]}")


@contextlib.contextmanager
def no_autostart() -> Iterator[None]:
    """Debian starts what it installs, on its usual ports, unless this file refuses: 101 forbids, see invoke-rc.d(8)."""
    policy = Path("/usr/sbin/policy-rc.d")
    if policy.exists():
        yield
        return
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink(missing_ok=True)


WATCH = "import os, signal, sys; sys.stdin.read(); os.killpg(int(sys.argv[1]), signal.SIGKILL)"


def watchdog(group: int) -> subprocess.Popen[bytes]:
    """A process that kills the group when ours is gone, which it knows by the end of its input.

    The kernel's own signal at a parent's death is not enough: it is forgotten when a server changes its
    user, and ends a master process whose workers then live on.
    """
    return subprocess.Popen(
        [sys.executable, "-IS", "-c", WATCH, str(group)],
        stdin=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


class Peer:
    """One real server. `with Nginx() as nginx:` or `start()` and `stop()`; ports are attributes after the start.

    The directory is readable by all, because some servers drop to a user of their own.
    """

    package: ClassVar[str]
    program: ClassVar[str]
    starts_within_s: ClassVar[float] = 15.0
    stop_signal: ClassVar[signal.Signals] = signal.SIGTERM
    stops_within_s: ClassVar[float] = 5.0

    def __init__(self) -> None:
        self.directory = Path(tempfile.mkdtemp(prefix=f"standpipe-{self.package}-"))
        self.directory.chmod(0o755)
        self.processes: list[subprocess.Popen[bytes]] = []
        self.watchdogs: list[subprocess.Popen[bytes]] = []

    @classmethod
    def program_path(cls) -> str | None:
        return shutil.which(cls.program, path=SYSTEM_PATH)

    @classmethod
    def require(cls) -> None:
        """Have the program, or raise MissingPeerError. Installs it where this runs as root."""
        if cls.program_path() is None:
            install([cls.package])
        if cls.program_path() is None:
            raise MissingPeerError(f"{cls.program} is not there after installing {cls.package}")

    def configure(self) -> None:
        """Choose ports and write files; called again at each try to start."""
        raise NotImplementedError

    def launch(self) -> None:
        """Spawn the processes."""
        raise NotImplementedError

    def is_ready(self) -> bool:
        raise NotImplementedError

    @property
    def log(self) -> str:
        return "\n".join(path.read_text(errors="replace")[-4_000:] for path in sorted(self.directory.glob("*.log")))

    def start(self) -> Self:
        for attempt in range(1, STARTS + 1):
            try:
                self.configure()
                self.resume()
                break
            except NotStartedError:
                if attempt == STARTS:
                    self.stop()
                    raise
        return self

    def resume(self) -> None:
        """Start again after `halt()`, with the same ports and files."""
        self.launch()
        try:
            wait_until(self.ready_or_ended, within=self.starts_within_s, reason=f"{self.package} did not answer")
        except AssertionError as error:
            self.halt()
            raise NotStartedError(f"{error}\n{self.log}") from None

    def ready_or_ended(self) -> bool:
        for process in self.processes:
            assert process.poll() is None, f"{self.package} ended with {process.returncode}"
        return self.is_ready()

    def spawn(self, *command: str, **environment: str) -> subprocess.Popen[bytes]:
        """Run a command in a group of its own, which ends with this process, however that dies."""
        program = shutil.which(command[0], path=SYSTEM_PATH) or command[0]
        with (self.directory / f"{Path(program).name}.log").open("ab") as log:
            process = subprocess.Popen(
                [program, *command[1:]],
                cwd=self.directory,
                env=os.environ | {"PATH": SYSTEM_PATH} | environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes.append(process)
        self.watchdogs.append(watchdog(process.pid))
        return process

    def run(self, *command: str, stdin: str | None = None, **environment: str) -> str:
        """Run a control program of the peer to its end and return what it said; raises on failure."""
        done = subprocess.run(
            command,
            cwd=self.directory,
            env=os.environ | {"PATH": SYSTEM_PATH} | environment,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(command)} ended with {done.returncode}: {done.stderr}{done.stdout}"
        return done.stdout

    def signal(self, number: signal.Signals) -> None:
        for process in self.processes:
            process.send_signal(number)

    def halt(self) -> None:
        """End the processes and their children; files and ports stay for `resume()`."""
        for process in reversed(self.processes):
            process.send_signal(self.stop_signal)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(self.stops_within_s)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        for dog in self.watchdogs:
            dog.kill()
            dog.communicate()
        self.processes.clear()
        self.watchdogs.clear()

    def stop(self) -> None:
        self.halt()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()
