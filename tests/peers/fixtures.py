"""Own the pytest fixtures of the peers, and the loud summary of those that are missing."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import pytest

from tests import peers
from tests.peers.peer import MissingPeerError, Peer

P = TypeVar("P", bound=Peer)

MISSING = "missing peer"


def require(peer: type[Peer]) -> None:
    """Have the peer or skip; where CI=true a missing peer is a failure, because nobody reads skips there."""
    try:
        peer.require()
    except MissingPeerError as error:
        message = f"{MISSING} {peer.package}: {error}"
        if os.environ.get("CI") == "true":
            pytest.fail(message)
        pytest.skip(message)


def session_fixture(peer: type[P], name: str) -> Callable[..., Iterator[P]]:
    @pytest.fixture(scope="session", name=name)
    def started() -> Iterator[P]:
        require(peer)
        with peer() as running:
            yield running

    return started


blackbox = session_fixture(peers.Blackbox, "blackbox")
chromium = session_fixture(peers.Chromium, "chromium")
nats = session_fixture(peers.Nats, "nats")
nginx = session_fixture(peers.Nginx, "nginx")
nsd = session_fixture(peers.Nsd, "nsd")
postfix = session_fixture(peers.Postfix, "postfix")
prometheus = session_fixture(peers.Prometheus, "prometheus")
rabbitmq = session_fixture(peers.RabbitMQ, "rabbitmq")
redis_server = session_fixture(peers.Redis, "redis_server")
unbound = session_fixture(peers.Unbound, "unbound")


@pytest.fixture
def start_peer() -> Iterator[Callable[..., Any]]:
    """Start a peer for one test: `start_peer(Nginx, servers="...")`."""
    running: list[Peer] = []

    def start(peer: type[P], *arguments: Any, **options: Any) -> P:
        require(peer)
        started = peer(*arguments, **options)
        running.append(started)
        return started.start()

    yield start
    for peer in reversed(running):
        peer.stop()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    skipped = terminalreporter.stats.get("skipped", [])
    found = (re.search(f"{MISSING} (.*)", str(report.longrepr[2])) for report in skipped)
    for message, count in sorted(Counter(match[1] for match in found if match).items()):
        terminalreporter.write_sep("!", f"MISSING PEER {message} - {count} test(s) skipped", red=True, bold=True)
