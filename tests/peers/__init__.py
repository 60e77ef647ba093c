"""Own the real servers that tests measure against: Debian's own, on free loopback ports, in their own directories.

One file per server. Each works as root in a container, needs no systemd, and is gone when its test is.
`python tests/peers --packages` prints the Debian packages, `--install` installs what is missing.
"""

from __future__ import annotations

from tests.peers.blackbox import Blackbox
from tests.peers.chromium import Chromium
from tests.peers.nats import Nats
from tests.peers.nginx import Nginx
from tests.peers.nsd import Nsd
from tests.peers.peer import MissingPeerError, Peer
from tests.peers.postfix import Postfix
from tests.peers.prometheus import Prometheus
from tests.peers.rabbitmq import RabbitMQ
from tests.peers.redis import Redis
from tests.peers.unbound import Unbound

PEERS: tuple[type[Peer], ...] = (
    Blackbox,
    Chromium,
    Nats,
    Nginx,
    Nsd,
    Postfix,
    Prometheus,
    RabbitMQ,
    Redis,
    Unbound,
)

__all__ = [
    "PEERS",
    "Blackbox",
    "Chromium",
    "MissingPeerError",
    "Nats",
    "Nginx",
    "Nsd",
    "Peer",
    "Postfix",
    "Prometheus",
    "RabbitMQ",
    "Redis",
    "Unbound",
]
