"""Own nginx: an HTTP and HTTPS server whose `server {}` blocks the test writes."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.peers.peer import Peer, free_port, is_listening

CONFIGURATION = """
user root;
daemon off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log {directory}/error.log warn;
events {{ worker_connections 1024; }}
http {{
    access_log off;
    default_type text/plain;
    client_body_temp_path {directory}/body;
    proxy_temp_path {directory}/proxy;
    fastcgi_temp_path {directory}/fastcgi;
    uwsgi_temp_path {directory}/uwsgi;
    scgi_temp_path {directory}/scgi;
    server {{
        listen 127.0.0.1:{port};
        root {root};
        location = /health {{ return 200 '{{"status": "ok"}}'; }}
        location = /fail {{ return 503 'out of service'; }}
        {locations}
    }}
    {servers}
}}
"""


class Nginx(Peer):
    """`/health` answers 200 with JSON, `/fail` 503, the rest files of `root`. More by `locations` and `servers`."""

    package = "nginx"
    program = "nginx"
    stop_signal = signal.SIGTERM

    def __init__(self, locations: str = "", servers: str = "") -> None:
        super().__init__()
        self.locations, self.servers = locations, servers
        self.root: Path = self.directory / "root"
        self.root.mkdir()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def configure(self) -> None:
        self.port = free_port()
        (self.directory / "nginx.conf").write_text(
            CONFIGURATION.format(
                directory=self.directory,
                root=self.root,
                port=self.port,
                locations=self.locations,
                servers=self.servers,
            )
        )

    def launch(self) -> None:
        self.spawn("nginx", "-p", str(self.directory), "-c", "nginx.conf", "-e", str(self.directory / "error.log"))

    def is_ready(self) -> bool:
        return is_listening(self.port)
