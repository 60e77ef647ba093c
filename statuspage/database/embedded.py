"""Own the use of the embedded PostgreSQL: be counted as a user, and have it started where it is not running."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import psycopg

from statuspage.database.place import Place
from statuspage.errors import OperatorError

START_WITHIN_S = 90.0
STOP_WITHIN_S = 9.0
LOOK_EVERY_S = 0.05
CHECKOUT = Path(__file__).resolve().parent.parent.parent

locks: dict[Place, int] = {}
"""File descriptors held until this process ends, however it ends: that is what the guardian waits for."""


class DatabaseRefusedError(OperatorError):
    """The embedded database cannot be started: reason and way out in one line."""


def url(place: Place) -> str:
    return f"postgresql://postgres@/postgres?host={quote(str(place.socket_dir), safe='')}"


def ensure(place: Place) -> None:
    """Return when the server takes connections, started where needed; costs nothing when already a user.

    Raises DatabaseRefusedError.
    """
    if place in locks:
        return
    place.root.mkdir(mode=0o711, parents=True, exist_ok=True)
    users = os.open(place.users, os.O_RDWR | os.O_CREAT, 0o600)
    fcntl.flock(users, fcntl.LOCK_SH)
    try:
        start_where_needed(place)
    except BaseException:
        os.close(users)
        raise
    locks[place] = users


def start_where_needed(place: Place) -> None:
    deadline = time.monotonic() + START_WITHIN_S
    while not is_answering(place):
        if time.monotonic() > deadline:
            raise DatabaseRefusedError(
                f"{place.data} is locked by another process that does not answer: see {place.log}"
            )
        said = ask_guardian(place)
        if said.startswith("error "):
            raise DatabaseRefusedError(said.removeprefix("error "))
        if said == "busy":
            # Another process was first to start the server, and it is on its way.
            time.sleep(LOOK_EVERY_S)


def ask_guardian(place: Place) -> str:
    """Start a guardian, in a session of its own so that Ctrl-C does not reach it; its one line of answer."""
    guardian = subprocess.Popen(
        [sys.executable, "-m", "statuspage.database.guardian", str(place.root)],
        cwd=CHECKOUT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    assert guardian.stdout is not None
    assert guardian.stderr is not None
    with guardian.stdout, guardian.stderr:
        said = guardian.stdout.readline().strip()
        if not said:
            said = "error the guardian of the database failed: " + guardian.stderr.read().strip().rpartition("\n")[2]
    # The guardian outlives this handle on purpose; without a status, the handle would complain when collected.
    guardian.returncode = guardian.returncode or 0
    return said


def is_answering(place: Place) -> bool:
    with suppress(psycopg.OperationalError):
        psycopg.connect(url(place), connect_timeout=2).close()
        return True
    return False


def release(place: Place, *, within_s: float = STOP_WITHIN_S) -> bool:
    """Stop being a user; True when the server has ended because nobody else was one."""
    users = locks.pop(place, None)
    if users is not None:
        os.close(users)
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if not is_guarded(place):
            return True
        time.sleep(LOOK_EVERY_S)
    return False


def is_guarded(place: Place) -> bool:
    if not place.guard.exists():
        return False
    with place.guard.open("a") as guard:
        try:
            fcntl.flock(guard, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
