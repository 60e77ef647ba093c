"""Own NATS with JetStream and its monitoring port."""

from __future__ import annotations

import urllib.request

from tests.peers.peer import Peer, free_port, is_listening


class Nats(Peer):
    package = "nats-server"
    program = "nats-server"

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self.port}"

    @property
    def monitoring_url(self) -> str:
        return f"http://127.0.0.1:{self.monitoring_port}"

    def configure(self) -> None:
        self.port, self.monitoring_port = free_port(), free_port()

    def launch(self) -> None:
        store = str(self.directory / "jetstream")
        ports = ["-p", str(self.port), "-m", str(self.monitoring_port)]
        self.spawn("nats-server", "-a", "127.0.0.1", *ports, "-js", "-sd", store)

    def is_ready(self) -> bool:
        if not (is_listening(self.port) and is_listening(self.monitoring_port)):
            return False
        with urllib.request.urlopen(f"{self.monitoring_url}/healthz", timeout=2) as answer:
            return bool(answer.status == 200)
