"""Own every name and address of the sandbox, derived from one base port."""

from __future__ import annotations

import socket
from dataclasses import dataclass
from typing import Literal

Role = Literal["api", "smtp", "sender", "sink", "dns", "load"]

DEFAULT_BASE_PORT = 8700
PORTS_USED = 20
PLANS_TRIED = 20
DOMAIN = "sandbox.test"
API_NAME = f"api.{DOMAIN}"
SMTP_NAME = f"smtp.{DOMAIN}"
MTA_STS_NAME = f"mta-sts.{DOMAIN}"
DKIM_SELECTOR = "s1"
SMTP_USER = "load"
# Printed by `status`: it guards nothing but invented mail. No word of a host name, which evidence would lose with it.
SMTP_PASSWORD = "let-me-send"  # noqa: S105
GOOD_RECIPIENT = f"canary@{DOMAIN}"
BAD_RECIPIENT = f"nobody@{DOMAIN}"
LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Endpoint:
    host: str
    port: int

    def __str__(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Instance:
    """One process of the platform. Senders and the load serve nothing but metrics."""

    name: str
    role: Role
    endpoint: Endpoint
    metrics: Endpoint


@dataclass(frozen=True, slots=True)
class Plan:
    """`spread`: clones share one port on several loopback addresses; without it, one address and several ports."""

    base_port: int
    spread: bool

    @property
    def control(self) -> Endpoint:
        return self._local(0)

    @property
    def instances(self) -> tuple[Instance, ...]:
        return (
            *(self._cloned("api", n, 1, f"127.0.0.{10 + n}", 13 + n) for n in (1, 2, 3)),
            *(self._cloned("smtp", n, 2, f"127.0.0.{20 + n}", 16 + n) for n in (1, 2)),
            *(self._hidden("sender", f"sender-{n}", 8 + n) for n in (1, 2)),
            Instance("sink", "sink", self._at("127.0.0.61", 4), self._local(11)),
            Instance("dns", "dns", self._at("127.0.0.31", 3), self._local(12)),
            self._hidden("load", "load", 13),
        )

    @property
    def link(self) -> Endpoint:
        return self._at("127.0.0.62", 5)

    @property
    def policy(self) -> Endpoint:
        """Where the MTA-STS policy is served (RFC 8461 section 3.3 has it on port 443, which is not ours to take)."""
        return self._at("127.0.0.41", 6)

    @property
    def name_servers(self) -> tuple[Endpoint, ...]:
        """Two addresses in two networks, one process: checks that ask every server have two to ask."""
        first = self.instance("dns").endpoint
        return (first, Endpoint("127.0.1.31", first.port)) if self.spread else (first,)

    @property
    def egress(self) -> tuple[str, ...]:
        return ("127.0.0.51", "127.0.0.52") if self.spread else (LOOPBACK,)

    def egress_of(self, sender: str) -> str:
        return self.egress[(int(sender.rpartition("-")[2]) - 1) % len(self.egress)]

    def role(self, role: Role) -> tuple[Instance, ...]:
        return tuple(instance for instance in self.instances if instance.role == role)

    def instance(self, name: str) -> Instance:
        return next(instance for instance in self.instances if instance.name == name)

    def _at(self, host: str, offset: int) -> Endpoint:
        return Endpoint(host if self.spread else LOOPBACK, self.base_port + offset)

    def _local(self, offset: int) -> Endpoint:
        return Endpoint(LOOPBACK, self.base_port + offset)

    def _cloned(self, role: Role, n: int, shared: int, host: str, own: int) -> Instance:
        endpoint = self._at(host, shared if self.spread else own)
        metrics = endpoint if role == "api" else self._local(6 + n)
        return Instance(f"{role}-{n}", role, endpoint, metrics)

    def _hidden(self, role: Role, name: str, offset: int) -> Instance:
        return Instance(name, role, self._local(offset), self._local(offset))


def make(base_port: int = DEFAULT_BASE_PORT) -> Plan:
    return Plan(base_port, spread=can_spread())


def first_free() -> Plan:
    """The plan of the default base port, or where another sandbox stands there, of the next that is free."""
    base_ports = range(DEFAULT_BASE_PORT, DEFAULT_BASE_PORT + PLANS_TRIED * PORTS_USED, PORTS_USED)
    return next((plan for plan in map(make, base_ports) if is_free(plan.control)), make())


def is_free(endpoint: Endpoint) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((endpoint.host, endpoint.port))
        except OSError:
            return False
    return True


def can_spread() -> bool:
    """Whether all of 127/8 is this machine's own, as on Linux; macOS has only 127.0.0.1 unless told."""
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.11", 0))
        except OSError:
            return False
    return True
