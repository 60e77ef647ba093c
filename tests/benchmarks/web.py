"""Own a web process to measure: uvicorn as in production, on the benchmark's database, with a signed-in cookie."""

from __future__ import annotations

import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Self

from django.test import Client

from tests.peers.peer import free_port, is_listening
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parent.parent.parent
PRODUCT = "statuspage.asgi:application"


class Web:
    """`with Web() as web:`; `application` may name another ASGI application."""

    def __init__(self, application: str = PRODUCT) -> None:
        self.application = application
        self.port = free_port()
        self.cookie = f"sessionid={session()}"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "uvicorn", self.application, "--host", "127.0.0.1", "--port", str(self.port)]
        quiet = [
            "--log-level",
            "error",
            "--lifespan",
            "off",
            "--ws-per-message-deflate",
            "false",
            "--ws",
            "websockets-sansio",
            "--backlog",
            "4096",
        ]
        die_with_us = ["/usr/bin/setpriv", "--pdeathsig", "KILL", "--"] if Path("/usr/bin/setpriv").exists() else []
        self.process = subprocess.Popen([*die_with_us, *command, *quiet], cwd=ROOT)
        wait_until(lambda: is_listening(self.port), within=30)
        return self

    def __exit__(self, *_: object) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()

    def get(self, path: str) -> bytes:
        with urllib.request.urlopen(urllib.request.Request(self.url + path, headers={"Cookie": self.cookie})) as answer:
            return bytes(answer.read())

    def memory_mb(self) -> float:
        """Resident set size."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmRSS"))) / 1_024


def session() -> str:
    from statuspage.models import User
    from statuspage.roles import Role
    from statuspage.services.access import add_person

    person = User.objects.filter(username="bench").first() or add_person("bench", "", Role.VIEWER)
    client = Client()
    client.force_login(person)
    return client.cookies["sessionid"].value
