"""Own Prometheus, scraping the targets that the test names, once a second."""

from __future__ import annotations

import contextlib
import urllib.request

from tests.peers.peer import Peer, free_port

CONFIGURATION = """
global: {{scrape_interval: 1s, scrape_timeout: 900ms}}
scrape_configs:
  - job_name: peers
    static_configs: [{{targets: [{targets}]}}]
"""


class Prometheus(Peer):
    """Without targets it scrapes itself; `watch("127.0.0.1:9100")` replaces them."""

    package = "prometheus"
    program = "prometheus"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def configure(self) -> None:
        self.port = free_port()
        self.write(f"127.0.0.1:{self.port}")

    def write(self, *targets: str) -> None:
        names = ", ".join(f'"{target}"' for target in targets)
        (self.directory / "prometheus.yml").write_text(CONFIGURATION.format(targets=names))

    def launch(self) -> None:
        self.spawn(
            "prometheus",
            f"--config.file={self.directory / 'prometheus.yml'}",
            f"--storage.tsdb.path={self.directory / 'tsdb'}",
            f"--web.listen-address=127.0.0.1:{self.port}",
            "--web.enable-lifecycle",
        )

    def watch(self, *targets: str) -> None:
        self.write(*targets)
        urllib.request.urlopen(urllib.request.Request(f"{self.url}/-/reload", method="POST"), timeout=5).close()

    def is_ready(self) -> bool:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/-/ready", timeout=2) as answer:
            return bool(answer.status == 200)
        return False
