"""Own RabbitMQ with its management API: a node of its own, with its own name server of nodes."""

from __future__ import annotations

import contextlib
import os
import urllib.error
import urllib.request

from tests.peers.peer import Peer, free_port, is_listening

BIN = "/usr/lib/rabbitmq/bin"
"""Debian's wrappers switch to the user rabbitmq, who may not read our directory: we call what they wrap."""
STATISTICS_S = int(os.environ.get("RABBITMQ_STATISTICS_S", "1"))
"""How often statistics are collected. RabbitMQ's default is 5; with 1 the same story takes a fifth of the time."""


class RabbitMQ(Peer):
    """guest/guest over AMQP at `port` and over HTTP at `management_url`."""

    package = "rabbitmq-server"
    program = "rabbitmq-server"
    starts_within_s = 60.0
    stops_within_s = 20.0

    @property
    def url(self) -> str:
        return f"amqp://guest:guest@127.0.0.1:{self.port}/%2F"

    @property
    def management_url(self) -> str:
        return f"http://127.0.0.1:{self.management_port}"

    @property
    def environment(self) -> dict[str, str]:
        return {
            "HOME": str(self.directory),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "ERL_EPMD_PORT": str(self.epmd_port),
            "RABBITMQ_NODENAME": "peer@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(self.distribution_port),
            "RABBITMQ_CONF_ENV_FILE": str(self.directory / "env.conf"),
            "RABBITMQ_CONFIG_FILE": str(self.directory / "rabbitmq"),
            "RABBITMQ_MNESIA_BASE": str(self.directory / "mnesia"),
            "RABBITMQ_LOG_BASE": str(self.directory / "logs"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.directory / "enabled_plugins"),
            "RABBITMQ_PID_FILE": str(self.directory / "rabbitmq.pid"),
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none",
        }

    def configure(self) -> None:
        self.port, self.management_port = free_port(), free_port()
        self.epmd_port, self.distribution_port = free_port(), free_port()
        (self.directory / "env.conf").touch()
        (self.directory / "enabled_plugins").write_text("[rabbitmq_management].\n")
        (self.directory / "rabbitmq.conf").write_text(
            f"management.tcp.port = {self.management_port}\n"
            "management.tcp.ip = 127.0.0.1\n"
            f"collect_statistics_interval = {1_000 * STATISTICS_S}\n"
            # The management plugin takes the figures up at the pace of its finest samples: 5 s by default.
            f"management.sample_retention_policies.global.minute = {STATISTICS_S}\n"
            f"management.sample_retention_policies.basic.minute = {STATISTICS_S}\n"
            f"management.sample_retention_policies.detailed.minute = {STATISTICS_S}\n"
            "log.console = true\n"
        )

    def launch(self) -> None:
        # Started by us in the foreground: one that RabbitMQ starts itself would outlive it.
        self.spawn("epmd", "-address", "127.0.0.1", "-port", str(self.epmd_port))
        self.spawn(f"{BIN}/rabbitmq-server", **self.environment)

    def control(self, *words: str) -> str:
        return self.run(f"{BIN}/rabbitmqctl", *words, **self.environment)

    def is_ready(self) -> bool:
        if not (is_listening(self.port) and is_listening(self.management_port)):
            return False
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.management_url}/", timeout=2) as answer:
            return bool(answer.status == 200)
        return False
