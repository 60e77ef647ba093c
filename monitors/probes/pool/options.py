"""Own the options of the `pool` kind and their refusals."""

from __future__ import annotations

import ipaddress
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from monitors.options import Strict
from monitors.probes.dns import Name, Server
from monitors.probes.http.options import HttpOptions
from monitors.probes.smtp.options import SmtpOptions
from monitors.probes.tcp import TcpOptions
from monitors.probes.tls import CertificateOptions


def _checked_ip(text: str) -> str:
    return str(ipaddress.ip_address(text))


class Member(Strict):
    """Weight 0 is a member that is drained: known, and not to be served."""

    address: Annotated[str, AfterValidator(_checked_ip)]
    weight: int = Field(default=1, ge=0, le=1_000_000)


class MemberProbe(Strict):
    """How each member is probed: the options of one kind, whose `connect_to` becomes the member's address.

    The port is that of the probe's own URL or address, or of the `connect_to` given here as `0.0.0.0:port`.
    """

    http: HttpOptions | None = None
    smtp: SmtpOptions | None = None
    tcp: TcpOptions | None = None
    tls: CertificateOptions | None = None

    @model_validator(mode="after")
    def be_of_one_kind(self) -> Self:
        if len(self.model_fields_set) != 1:
            raise ValueError("give exactly one of http, smtp, tcp and tls")
        return self

    @property
    def kind(self) -> str:
        return next(iter(self.model_fields_set))

    @property
    def options(self) -> Any:
        return getattr(self, self.kind)


class PoolOptions(Strict):
    """`servers` are the authoritative servers of the name, each asked `samples` times for one address."""

    query: Name
    type: Literal["A", "AAAA"] = "A"
    servers: list[Server] = Field(min_length=1, max_length=16)
    members: list[Member] = Field(min_length=1, max_length=256)
    samples: int = Field(default=300, ge=20, le=5000)
    probe: MemberProbe | None = None

    @model_validator(mode="after")
    def have_a_pool(self) -> Self:
        addresses = [member.address for member in self.members]
        if len(set(addresses)) != len(addresses):
            raise ValueError("a member is listed twice")
        if not any(member.weight for member in self.members):
            raise ValueError("at least one member needs a weight above 0")
        version = 4 if self.type == "A" else 6
        if wrong := [one for one in addresses if ipaddress.ip_address(one).version != version]:
            raise ValueError(f"{wrong[0]} cannot be in an answer of type {self.type}")
        return self

    @property
    def weights(self) -> dict[str, int]:
        return {member.address: member.weight for member in self.members}
