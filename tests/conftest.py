"""Own the plugins of the test ground: real peers, a real browser and the sandbox platform."""

from __future__ import annotations

pytest_plugins = ["tests.peers.fixtures", "tests.browser", "tests.sandbox.fixtures"]
