"""Own a real `manage.py up` for tests: own data directory, own port, and a sure end of all that it started."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import requests

from tests.peers.peer import free_port
from tests.waiting import wait_until

CHECKOUT = Path(__file__).resolve().parent.parent
CROWD = max(1.0, os.getloadavg()[0] / (os.cpu_count() or 1))
"""Promises in seconds are for a machine at rest; one that has more to do than it can gets as much longer."""
CONFIG = """
platform: {{name: Test Mail, url: "https://status.test.example", time_zone: UTC}}
components:
  - {{slug: self, name: Ourselves, public: true}}
monitors:
  - {{slug: self-a, component: self, kind: http, url: "http://127.0.0.1:{port}/healthz", every: 1s, timeout: 1s}}
"""
LINK = re.compile(r"sign in once.*: (http\S+)")


@dataclass(slots=True)
class Up:
    """`data` is marked in the environment or command line of every process: so all are found, whoever started them."""

    directory: Path
    port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None
    more: tuple[str, ...] = ()

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @property
    def log(self) -> Path:
        return self.directory / "up.log"

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self, *, is_with_sandbox: bool = False) -> Up:
        """With the sandbox and what watches it; without, the configuration watches our own `/healthz`."""
        command = [sys.executable, str(CHECKOUT / "manage.py"), "up", "--port", str(self.port), *self.more]
        if is_with_sandbox:
            command.append("--sandbox")
        else:
            config = self.directory / "standpipe.yaml"
            config.write_text(CONFIG.format(port=self.port))
            command += ["--config", str(config)]
        environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(
                command,
                cwd=self.directory,
                env=environment | {"STANDPIPE_DATA_DIR": str(self.data)},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_until(lambda: self.link or self.process is None or self.process.poll() is not None, within=120)
        assert self.link, self.said
        return self

    @property
    def said(self) -> str:
        return self.log.read_text()

    @property
    def link(self) -> str:
        found = LINK.search(self.said)
        return found[1] if found else ""

    def get(self, path: str) -> requests.Response:
        return requests.get(f"{self.address}{path}", timeout=20, allow_redirects=False)

    def is_answering(self) -> bool:
        with suppress(requests.ConnectionError):
            return self.get("/healthz").status_code == 200
        return False

    def processes(self) -> dict[int, str]:
        """Command lines of all that belongs to this data directory, by pid; zombies are none."""
        found = {}
        for entry in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                words = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                surroundings = (entry / "environ").read_bytes().decode(errors="replace")
                if words and str(self.data) in words + surroundings:
                    found[int(entry.name)] = words
        return found

    def pids(self, word: str) -> list[int]:
        return [pid for pid, words in self.processes().items() if word in words]

    def end(self) -> int:
        """SIGTERM, as an operator or an init would; the exit status."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(60)

    def sweep(self) -> None:
        for pid in self.processes():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.process is not None:
            self.process.wait(5)
