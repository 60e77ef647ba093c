"""Own prometheus-blackbox-exporter: the independent second opinion on HTTP, TLS, SMTP and DNS, and the bench's peer."""

from __future__ import annotations

from tests.peers.peer import Peer, free_port, is_listening

MODULES = """
modules:
  http_2xx: {prober: http, timeout: 5s, http: {preferred_ip_protocol: ip4}}
"""


class Blackbox(Peer):
    """`url/probe?module=http_2xx&target=...`; more modules as YAML of the exporter's own shape, indented by two."""

    package = "prometheus-blackbox-exporter"
    program = "prometheus-blackbox-exporter"

    def __init__(self, modules: str = "") -> None:
        super().__init__()
        self.modules = modules

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def configure(self) -> None:
        self.port = free_port()
        (self.directory / "blackbox.yml").write_text(MODULES + self.modules)

    def launch(self) -> None:
        listen = f"--web.listen-address=127.0.0.1:{self.port}"
        self.spawn("prometheus-blackbox-exporter", listen, f"--config.file={self.directory / 'blackbox.yml'}")

    def is_ready(self) -> bool:
        return is_listening(self.port)
