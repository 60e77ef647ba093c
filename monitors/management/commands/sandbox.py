"""Own `manage.py sandbox`: start the sandbox platform on this installation's database, break it, mend it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from argparse import ArgumentParser, Namespace
from typing import Any
from urllib.parse import quote, urlencode

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import connection

from monitors.sandbox import cli


class Command(BaseCommand):
    help = "A small real mail platform to watch, break and drill on."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        cli.add_arguments(parser)

    def handle(self, *args: Any, **options: Any) -> None:
        options["directory"] = options["directory"] or settings.ENV.data_dir / "sandbox"
        if options["action"] == "up":
            sys.exit(up(options))
        sys.exit(cli.run(Namespace(**options)))


def up(options: dict[str, Any]) -> int:
    """Hand over to a process without Django: the instances are its children and share its small memory."""
    words = [sys.executable, "-m", "monitors.sandbox", "up", "--directory", str(options["directory"].resolve())]
    for name in ("base_port", "schema", "rate", "hour"):
        if options[name] is not None:
            words += [f"--{name.replace('_', '-')}", str(options[name])]
    if options["die_with_parent"]:
        words.append("--die-with-parent")
    os.chdir(settings.BASE_DIR)
    url = options["database_url"] or os.environ.get("DATABASE_URL")
    if url:
        os.execve(sys.executable, words, os.environ | {"DATABASE_URL": url})  # noqa: S606 - no shell is wanted
    return run_beside(words)


def run_beside(words: list[str]) -> int:
    """The embedded database lives as long as somebody who asked for it: so this process stays, and waits."""
    connection.ensure_connection()
    connection.close()
    environ = os.environ | {"DATABASE_URL": own_url()}
    running = subprocess.Popen([*words, "--die-with-parent"], env=environ)  # noqa: S603 - our own interpreter
    signal.signal(signal.SIGTERM, lambda *_: running.terminate())
    try:
        return running.wait()
    except KeyboardInterrupt:  # Ctrl-C reached the platform as well: it is on its way out
        return running.wait()


def own_url() -> str:
    found = connection.settings_dict
    user, name = (quote(str(found[key]), safe="") for key in ("USER", "NAME"))
    return f"postgresql://{user}@/{name}?{urlencode({'host': found['HOST']})}"
