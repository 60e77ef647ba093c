"""Own a running sandbox for tests: started in about a second on free ports, ended with nothing left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import psycopg
import requests
from psycopg import sql
from requests.adapters import HTTPAdapter

from monitors.sandbox import plan, schema
from monitors.sandbox.client import Control
from monitors.sandbox.faults import SandboxError
from tests.peers.peer import CHANCE, is_free
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parent.parent.parent
LOWEST, HIGHEST = 20_000, 32_000  # below the ephemeral ports, whose owners come and go
START_WITHIN_S = 60.0
eventually = partial(wait_until, within=40.0)  # a platform of ten processes, on a machine that runs other tests beside


class Sandbox:
    """The platform as a test meets it. Quiet unless given a `rate`; faults by `break_` and `mend`."""

    def __init__(
        self,
        database_url: str,
        directory: Path,
        *,
        rate: float = 0,
        hour_s: float = 120,
        command: tuple[str, ...] = ("-m", "monitors.sandbox"),
    ) -> None:
        self._command = command
        self.base_port = free_base_port()
        self.database_url = database_url
        self.schema = f"sandbox_{self.base_port}"
        self.plan = plan.make(self.base_port)
        self.control = Control(self.base_port)
        self.break_, self.mend, self.mode, self.status = (
            self.control.break_, self.control.mend, self.control.mode, self.control.status,
        )  # fmt: skip
        self.directory = directory
        self.log = directory / "sandbox.log"
        self._words = ["--rate", str(rate), "--hour", str(hour_s)]

    def __enter__(self) -> Sandbox:
        self.start()
        return self

    def start(self) -> None:
        """Run it; a second time for a second life on what the first left behind."""
        self.directory.mkdir(parents=True, exist_ok=True)
        words = [*self._command, "up", "--base-port", str(self.base_port), "--die-with-parent"]
        words += ["--directory", str(self.directory), "--schema", self.schema, *self._words]
        environ = os.environ | {"DATABASE_URL": self.database_url}
        with self.log.open("w") as log:
            self.process = subprocess.Popen([sys.executable, *words], env=environ, cwd=ROOT, stdout=log, stderr=log)
        try:
            wait_until(self._is_up, within=START_WITHIN_S, reason=f"the sandbox did not start: {self.log.read_text()}")
        except BaseException:
            self.stop()
            raise

    def _is_up(self) -> bool:
        assert self.process.poll() is None, self.log.read_text()
        return "sandbox is up" in self.log.read_text()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        schema.drop(self.database_url, self.schema)

    def stop(self) -> None:
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(15)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()

    @property
    def ca_file(self) -> Path:
        return self.directory / "ca.pem"

    def api(self, instance: str = "api-1") -> requests.Session:
        """A session for `https://api.sandbox.test/...` that reaches the one instance by its address."""
        return self.session(plan.API_NAME, self.plan.instance(instance).endpoint)

    def session(self, name: str, at: plan.Endpoint) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.verify = str(self.ca_file)
        session.mount(f"https://{name}", _ByAddress(name, str(at)))
        return session

    def unsent(self) -> int:
        """What waits or is in flight, from one look: between two looks it moves from the one to the other."""
        found = self.totals()
        return int(found["queued"] + found["in_flight"])

    def send(self, count: int = 1, instance: str = "api-1", **fields: Any) -> list[int]:
        """Post messages; give the ids under which they were accepted."""
        message = {"from": "app@sandbox.test", "to": ["reader@elsewhere.test"], "subject": "test", **fields}
        with self.api(instance) as session:
            answers = [session.post(f"https://{plan.API_NAME}/email", json=message, timeout=10) for _ in range(count)]
        assert all(answer.status_code == 200 for answer in answers), [answer.text for answer in answers]
        return [int(answer.json()["id"]) for answer in answers]

    def arrivals(self, number: int) -> int:
        """How many times the message arrived at the sink."""
        url = f"http://{self.plan.instance('sink').metrics}/ids/{number}"
        return int(requests.get(url, timeout=5).json()["count"])

    def totals(self) -> dict[str, Any]:
        found: dict[str, Any] = self.status()["totals"]
        return found

    def reset(self) -> None:
        """Mend everything, go online and let the queue run empty: the next test finds it as if new."""
        self.mend("all")
        self.mode("online")
        wait_until(self._is_at_rest, within=60, reason="the sandbox did not come to rest")
        if residual := self.totals()["residual"]:
            self._write_off(residual)

    def _write_off(self, residual: int) -> None:
        """What was sent twice cannot be unsent: the books are squared, so that the next test sees its own sums."""
        query = "update {}.counter set value = value + %s where name = 'sent' and instance = 'sender-1'"
        with psycopg.connect(self.database_url) as connection:
            connection.execute(sql.SQL(query).format(sql.Identifier(self.schema)), [residual])

    def _is_at_rest(self) -> bool:
        found = self.status()
        return found["totals"]["queued"] == 0 == found["totals"]["in_flight"] and all(
            one["state"] == "up" and one["report"].get("epoch") == found["mode"]["epoch"] for one in found["instances"]
        )


class _ByAddress(HTTPAdapter):
    """Connects to one address, whatever the name says; Host, SNI and the certificate check keep the name."""

    def __init__(self, name: str, address: str) -> None:
        self._name, self._address = name, address
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, server_hostname=self._name, assert_hostname=self._name, **kwargs)

    def get_connection_with_tls_context(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        host = request.url.split("/")[2]
        request.headers["Host"] = host
        request.url = request.url.replace(host, self._address, 1)
        return super().get_connection_with_tls_context(request, *args, **kwargs)


def free_base_port() -> int:
    """A base port none of whose neighbours is taken. Random, for other workers look at the same time."""
    for _ in range(50):
        base = CHANCE.randrange(LOWEST, HIGHEST, plan.PORTS_USED)
        if all(is_free(host, port) for host, port in _wanted(base)):
            return base
    raise SandboxError("no free ports")


def _wanted(base: int) -> set[tuple[str, int]]:
    made = plan.make(base)
    ends = [made.control, made.link, made.policy, *made.name_servers]
    ends += [end for one in made.instances for end in (one.endpoint, one.metrics)]
    return {(end.host, end.port) for end in ends}
