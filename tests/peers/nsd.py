"""Own NSD: an authoritative name server whose zones the test writes."""

from __future__ import annotations

from pathlib import Path

from tests.peers.peer import Peer, free_port

CONFIGURATION = """
server:
    ip-address: {address}
    port: {port}
    username: ""
    chroot: ""
    server-count: 1
    zonesdir: "{directory}"
    database: ""
    pidfile: "{directory}/nsd.pid"
    xfrdfile: "{directory}/xfrd.state"
    xfrdir: "{directory}"
    zonelistfile: "{directory}/zone.list"
    log-only-syslog: no
    verbosity: 1
    # Off: from 200 answers a second on it would drop some, for it takes a test for an attack.
    rrl-ratelimit: 0
    rrl-whitelist-ratelimit: 0
remote-control:
    control-enable: yes
    control-interface: "{directory}/control.sock"
"""


class Nsd(Peer):
    """`serve("mail.test", zone_file_text)` adds or replaces a zone; UDP and TCP on `address` and `port`."""

    package = "nsd"
    program = "nsd"

    def __init__(self, address: str = "127.0.0.1", port: int = 0) -> None:
        super().__init__()
        self.address, self.wanted_port = address, port
        self.zones: dict[str, Path] = {}

    def configure(self) -> None:
        self.port = self.wanted_port or free_port()
        self.write()

    def write(self) -> None:
        text = CONFIGURATION.format(directory=self.directory, address=self.address, port=self.port)
        text += "".join(f'zone:\n    name: "{name}"\n    zonefile: "{path}"\n' for name, path in self.zones.items())
        (self.directory / "nsd.conf").write_text(text)

    def launch(self) -> None:
        self.spawn("nsd", "-d", "-c", str(self.directory / "nsd.conf"))

    def control(self, *words: str) -> str:
        return self.run("nsd-control", "-c", str(self.directory / "nsd.conf"), *words)

    def serve(self, name: str, zone: str) -> None:
        """Add or replace a zone; served when this returns."""
        self.zones[name] = self.directory / f"{name}.zone"
        self.zones[name].write_text(zone)
        # `nsd-control reload` returns while the old children still answer from the old zone: a restart does not.
        self.halt()
        (self.directory / "control.sock").unlink(missing_ok=True)
        self.write()
        self.resume()

    def is_ready(self) -> bool:
        if not (self.directory / "control.sock").exists():
            return False
        try:
            return "version" in self.control("status")
        except AssertionError:
            return False
