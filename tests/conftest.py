"""Own the plugins of the test ground: real peers and a real browser."""

from __future__ import annotations

pytest_plugins = ["tests.peers.fixtures", "tests.browser"]
