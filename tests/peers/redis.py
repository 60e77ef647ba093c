"""Own Redis: one empty server without persistence."""

from __future__ import annotations

from tests.peers.peer import Peer, free_port, is_listening


class Redis(Peer):
    package = "redis-server"
    program = "redis-server"

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}/0"

    def configure(self) -> None:
        self.port = free_port()

    def launch(self) -> None:
        options = {"port": self.port, "bind": "127.0.0.1", "dir": self.directory, "save": "", "appendonly": "no"}
        arguments = [part for name, value in options.items() for part in (f"--{name}", str(value))]
        self.spawn("redis-server", *arguments)

    def is_ready(self) -> bool:
        return is_listening(self.port)
