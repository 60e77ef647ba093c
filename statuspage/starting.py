"""Own what must be there before the processes of `manage.py up` start: a free port, tables, files, a first person."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from django.apps import apps
from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.core.management import call_command
from django.db import ProgrammingError, connection
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.recorder import MigrationRecorder
from django.utils import timezone

from statuspage.database.base import let_go
from statuspage.errors import OperatorError
from statuspage.services.access import first_operator, issue_sign_in_link

MANIFEST = "staticfiles.json"


class PortTakenError(OperatorError):
    """Another program listens where the web process would."""


def check_port(bind: str, port: int) -> None:
    """Raises PortTakenError, before anything was started."""
    family = socket.AF_INET6 if ":" in bind else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((bind, port))
        except OSError as error:
            way_out = "stop the other program, or choose another with --port"
            raise PortTakenError(f"port {port} on {bind} cannot be used ({error.strerror}): {way_out}") from None


def address(bind: str, port: int) -> str:
    """Where a browser on this machine finds a web process that listens on `bind`."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(bind, bind)  # noqa: S104 - compared, not bound
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


@dataclass(slots=True)
class Welcome:
    """Says once, when the web process listens, where it is and how to come in.

    The link is made while the web process is still loading, which takes both about as long.
    """

    say: Callable[[str, str], None]
    bind: str
    port: int
    address: str
    path: str = ""
    is_said: bool = False

    def look(self) -> None:
        if self.is_said:
            return
        self.path = self.path or sign_in_path()
        here = urlsplit(address(self.bind, self.port))
        with suppress(OSError), socket.create_connection((str(here.hostname), self.port), timeout=0.2):
            self.say("up", f"Standpipe is at {self.address}/ and the console at {self.address}/console/")
            self.say("up", f"sign in once, within 15 minutes: {self.address}{self.path}")
            self.is_said = True


def migrate() -> bool:
    """Bring the tables up to this version; True if anything was to do."""
    if is_every_file_applied():
        return False
    executor = MigrationExecutor(connection)
    if not executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return False
    call_command("migrate", interactive=False, verbosity=0)
    return True


def is_every_file_applied() -> bool:
    """Compare names alone: loading every migration and drawing its graph takes longer than all else here."""
    files = {
        (app.label, file.stem)
        for app in apps.get_app_configs()
        for file in Path(app.path, "migrations").glob("[0-9]*.py")
    }
    try:
        return files <= set(MigrationRecorder.Migration.objects.values_list("app", "name"))
    except ProgrammingError:  # an empty database has no table of migrations
        return False


def collect_static_files() -> bool:
    """Hash and compress static files where any is newer than the last collection; True if so."""
    manifest = Path(settings.STATIC_ROOT) / MANIFEST
    collected_at = manifest.stat().st_mtime if manifest.exists() else 0.0
    if newest_static_file() <= collected_at:
        return False
    call_command("collectstatic", interactive=False, verbosity=0)
    return True


def newest_static_file() -> float:
    found = (storage.path(path) for finder in get_finders() for path, storage in finder.list([]))
    return max((Path(path).stat().st_mtime for path in found), default=0.0)


def sign_in_path() -> str:
    """A one-time way in for the first operator, who is made where there is none."""
    try:
        return issue_sign_in_link(first_operator(), timezone.now())
    finally:
        let_go()
