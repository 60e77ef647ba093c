"""Own the life of the embedded PostgreSQL as a process: start it, restart it when it dies, stop it when unused.

A process of its own, `python -m statuspage.database.guardian ROOT`, because any user may be the first to need the
server and any may be the last to go, by kill -9 too. Users hold a shared lock on a file, which the kernel drops
however they end; when the guardian can have that lock alone, nobody is left. If the guardian itself is killed,
the kernel tells PostgreSQL to shut down. Standard library only, for it stays in memory as long as the server does.
"""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from statuspage.database import cluster
from statuspage.database.cluster import StartRefusedError
from statuspage.database.place import Place, account_for
from statuspage.parentage import end_with_us

LOOK_EVERY_S = 0.25
UNUSED_LOOKS = 4
"""One second without users: a command that follows another finds the server still running."""
READY_WITHIN_S = 60.0
"""Crash recovery replays at most `max_wal_size`, which a slow disk reads in well under a minute."""
STOP_WITHIN_S = 6.0
BACK_OFF_MAX_S = 8.0
STEADY_AFTER_S = 30.0
"""A server that lived this long is well: its next death is a first one again."""
LOG_MAX = 8 << 20

SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "max_connections": "100",
    "shared_buffers": "128MB",
    "max_wal_size": "512MB",
    "wal_compression": "on",
    # Short queries on small tables: plans are not worth compiling, nor splitting over workers on a small machine.
    "jit": "off",
    "max_parallel_workers_per_gather": "0",
    "io_method": "sync",
    "random_page_cost": "1.1",
    # Due rows and states are updated in place all day: clean them before they bloat.
    "autovacuum_naptime": "15s",
    "log_min_messages": "warning",
    "log_line_prefix": "%m [%p] ",
    "log_timezone": "UTC",
    "timezone": "UTC",
}


def main(root: str) -> int:
    # Its log names rows, and whoever could open its lock could hold it: neither is for other accounts.
    os.umask(0o077)
    place = Place(Path(root))
    with place.guard.open("a") as guard:
        try:
            fcntl.flock(guard, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            answer(place, "busy")
            return 0
        return Guardian(place, guard.fileno()).run()


def answer(place: Place, line: str) -> None:
    """Tell whoever started us, once, and let go of its pipes."""
    with suppress(BrokenPipeError):
        print(line, flush=True)
    with place.log.open("a") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)


@dataclass(slots=True)
class Guardian:
    place: Place
    guard: int
    """Descriptor of the lock that makes us the only one."""
    is_stopping: bool = False
    back_off_s: float = LOOK_EVERY_S
    ready_at_s: float = 0.0
    server: subprocess.Popen[bytes] = field(init=False)

    def run(self) -> int:
        signal.signal(signal.SIGTERM, lambda number, frame: setattr(self, "is_stopping", True))
        try:
            self.start()
        except StartRefusedError as refusal:
            answer(self.place, f"error {refusal}")
            return 1
        answer(self.place, "ready")
        self.keep()
        return 0

    def keep(self) -> None:
        """Watch until the last user is gone, then stop the server while newcomers wait at the lock."""
        unused = 0
        with self.place.users.open("a") as users:
            while unused < UNUSED_LOOKS and not self.is_stopping:
                time.sleep(LOOK_EVERY_S)
                unused = unused + 1 if is_unused(users, keep_lock=unused + 1 == UNUSED_LOOKS) else 0
                if self.server.poll() is not None and not unused:
                    self.restart()
            self.stop()

    def start(self) -> None:
        """Start the server and wait until it takes connections. Raises StartRefusedError."""
        binaries = cluster.prepare(self.place, lambda line: note(self.place, line), self.guard)
        rotate(self.place.log)
        command = [str(binaries / "postgres"), "-D", str(self.place.data), "-k", str(self.place.socket_dir)]
        command += [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        with self.place.log.open("ab") as log:
            log_from = log.tell()
            self.server = subprocess.Popen(
                command,
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                preexec_fn=end_with_us(signal.SIGINT),  # noqa: PLW1509 - the guardian has one thread
                env=cluster.SURROUNDINGS,
                **cluster.identity(account_for(self.place.data)),
            )
        self.wait_until_ready(log_from)
        self.ready_at_s = time.monotonic()

    def wait_until_ready(self, log_from: int) -> None:
        """Read `postmaster.pid` as `pg_ctl --wait` does: its eighth line says when connections are taken."""
        deadline = time.monotonic() + READY_WITHIN_S
        while time.monotonic() < deadline:
            if self.server.poll() is not None:
                raise StartRefusedError(cluster.reason_in(text_from(self.place.log, log_from), self.place))
            lines = cluster.postmaster_lines(self.place)
            if len(lines) > 7 and lines[0] == str(self.server.pid) and lines[7].strip() == "ready":
                return
            time.sleep(0.02)
        self.stop()
        raise StartRefusedError(
            f"the embedded database was not ready after {READY_WITHIN_S:.0f} s: see {self.place.log}"
        )

    def restart(self) -> None:
        note(self.place, f"the database ended with status {self.server.returncode}, starting it again")
        if time.monotonic() - self.ready_at_s > STEADY_AFTER_S:
            self.back_off_s = LOOK_EVERY_S
        time.sleep(self.back_off_s)
        self.back_off_s = min(2 * self.back_off_s, BACK_OFF_MAX_S)
        try:
            self.start()
        except StartRefusedError as refusal:
            note(self.place, str(refusal))

    def stop(self) -> None:
        """Fast shutdown writes a checkpoint; where that takes too long, the next start recovers by itself."""
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            if self.server.poll() is None:
                self.server.send_signal(number)
                with suppress(subprocess.TimeoutExpired):
                    self.server.wait(STOP_WITHIN_S)
        if self.place.socket_dir != self.place.data:
            # A server that had to be killed leaves its socket behind.
            cluster.forget_socket(self.place)
            with suppress(OSError):
                self.place.socket_dir.rmdir()


def is_unused(users: IO[str], *, keep_lock: bool) -> bool:
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    if not keep_lock:
        fcntl.flock(users, fcntl.LOCK_UN)
    return True


def text_from(log: Path, position: int) -> str:
    with log.open("rb") as lines:
        lines.seek(position)
        return lines.read().decode(errors="replace")


def note(place: Place, line: str) -> None:
    with place.log.open("a") as log:
        log.write(f"{datetime.now(UTC):%Y-%m-%d %H:%M:%S UTC} [{os.getpid()}] STANDPIPE:  {line}\n")


def rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_MAX:
        log.replace(log.with_suffix(".log.1"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
