"""Own the system's Chromium, headless and quiet: it calls nobody but the test's server."""

from __future__ import annotations

import contextlib
import urllib.request

from tests.peers.peer import Peer, free_port

SWITCHES = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--font-render-hinting=none",
)


class Chromium(Peer):
    """One browser for a session; tests connect to `url` by the DevTools protocol, each with a context of its own."""

    package = "chromium"
    program = "chromium"
    starts_within_s = 30.0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def configure(self) -> None:
        self.port = free_port()

    def launch(self) -> None:
        profile = f"--user-data-dir={self.directory / 'profile'}"
        self.spawn("chromium", *SWITCHES, profile, f"--remote-debugging-port={self.port}", "about:blank")

    def is_ready(self) -> bool:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/json/version", timeout=2) as answer:
            return bool(answer.status == 200)
        return False
