"""Own the client of the control pages: how `break`, `mend`, `mode` and `status` reach a running sandbox."""

from __future__ import annotations

import http.client
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from monitors.sandbox.faults import SandboxError
from monitors.sandbox.plan import LOOPBACK

ANSWER_WITHIN_S = 40.0
BASE_PORT_FILE = "base_port"


def base_port_in(directory: Path) -> int:
    """Where the sandbox of this directory is, or was last. Never a guess: another checkout's would be broken."""
    try:
        return int((directory / BASE_PORT_FILE).read_text())
    except (OSError, ValueError):
        raise SandboxError(
            f"no sandbox was started from {directory}; start one: manage.py sandbox up, or name a --base-port"
        ) from None


class Control:
    """Raises SandboxError with the words for the operator."""

    def __init__(self, base_port: int) -> None:
        self._port = base_port

    def status(self) -> dict[str, Any]:
        return self._ask("GET", "/status")

    def break_(self, name: str, instance: str | None = None, **args: Any) -> dict[str, Any]:
        return self._ask("POST", "/break", {"name": name, "instance": instance, "args": args})

    def mend(self, name: str = "all", instance: str | None = None) -> dict[str, Any]:
        return self._ask("POST", "/mend", {"name": name, "instance": instance})

    def mode(self, word: str) -> dict[str, Any]:
        return self._ask("POST", "/mode", {"mode": word})

    def _ask(self, method: str, path: str, content: Mapping[str, Any] | None = None) -> dict[str, Any]:
        connection = http.client.HTTPConnection(LOOPBACK, self._port, timeout=ANSWER_WITHIN_S)
        try:
            body = None if content is None else json.dumps(content)
            connection.request(method, path, body, {"content-type": "application/json"})
            answer = connection.getresponse()
            found: dict[str, Any] = json.loads(answer.read())
        except ConnectionRefusedError:
            raise SandboxError(f"no sandbox on port {self._port}; start one: manage.py sandbox up") from None
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise SandboxError(f"the sandbox on port {self._port} does not answer: {error}") from error
        finally:
            connection.close()
        if answer.status != 200:
            raise SandboxError(found.get("error", f"status {answer.status}"))
        return found
