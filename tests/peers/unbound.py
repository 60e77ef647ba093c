"""Own Unbound: a validating resolver that asks only the loopback servers that the test names."""

from __future__ import annotations

from tests.peers.peer import Peer, free_port

CONFIGURATION = """
server:
    interface: 127.0.0.1
    port: {port}
    num-threads: 1
    username: ""
    chroot: ""
    directory: "{directory}"
    pidfile: "{directory}/unbound.pid"
    use-syslog: no
    do-daemonize: no
    do-not-query-localhost: no
    module-config: "validator iterator"
    local-zone: "test." nodefault
    local-zone: "example." nodefault
    access-control: 127.0.0.0/8 allow
{server}
remote-control:
    control-enable: yes
    control-interface: "{directory}/control.sock"
    control-use-cert: no
{clauses}
"""


class Unbound(Peer):
    """`ask("mail.test", nsd.port)` sends a zone to a loopback server; `server` takes more lines, as trust anchors."""

    package = "unbound"
    program = "unbound"

    def __init__(self, server: str = "", clauses: str = "") -> None:
        super().__init__()
        self.server, self.clauses = server, clauses

    def configure(self) -> None:
        self.port = free_port()
        text = CONFIGURATION.format(directory=self.directory, port=self.port, server=self.server, clauses=self.clauses)
        (self.directory / "unbound.conf").write_text(text)

    def launch(self) -> None:
        self.spawn("unbound", "-d", "-p", "-c", str(self.directory / "unbound.conf"))

    def control(self, *words: str) -> str:
        return self.run("unbound-control", "-c", str(self.directory / "unbound.conf"), *words)

    def ask(self, zone: str, port: int, *, is_signed: bool = False) -> None:
        """Ask the authoritative server at 127.0.0.1:port for `zone`, and forget what was cached."""
        self.control("stub_add", *([] if is_signed else ["+i"]), f"{zone}.", f"127.0.0.1@{port}")
        self.control("flush_zone", zone)

    def is_ready(self) -> bool:
        if not (self.directory / "control.sock").exists():
            return False
        try:
            return "is running" in self.control("status")
        except AssertionError:
            return False
