"""Own the TLS options that several kinds share, and how a failed handshake becomes a reason and a sentence."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Self

from pydantic import model_validator

from monitors.addresses import Address, IpVersion, host_and_port
from monitors.certificates import Certificate, client_context, end_of, expiry_warning, verification_fault
from monitors.options import Duration, Strict
from monitors.probes.attempt import Attempt
from monitors.probes.faults import Fault
from monitors.results import Result

FIRST_EXPIRY_WARNING = timedelta(days=30)


class TlsOptions(Strict):
    """Whom to trust and whom to be. `ca` replaces the machine's trusted certificates for this monitor."""

    ca: Path | None = None
    verify: bool = True
    server_name: str | None = None
    client_certificate: Path | None = None
    client_key: Path | None = None
    certificate_warn: Duration = FIRST_EXPIRY_WARNING

    @model_validator(mode="after")
    def know_the_certificate_of_a_key(self) -> Self:
        if self.client_key and not self.client_certificate:
            raise ValueError("client_key needs client_certificate")
        return self


class ServerOptions(TlsOptions):
    """A server by its name and port. `connect_to` reaches one instance of it by address, under that name."""

    address: Address
    connect_to: Address | None = None
    ip_version: IpVersion | None = None

    @property
    def target(self) -> str:
        return self.connect_to or self.address

    @property
    def target_host(self) -> str:
        return host_and_port(self.target)[0]

    @property
    def tls_name(self) -> str:
        return self.server_name or host_and_port(self.address)[0]


def context_for(options: TlsOptions, verify: bool | None = None) -> ssl.SSLContext:
    """Raises Fault `unknown` when our own files cannot be used: that says nothing about the target."""
    wanted = options.verify if verify is None else verify
    try:
        return client_context(options.ca, wanted, options.client_certificate, options.client_key)
    except (OSError, ssl.SSLError) as error:
        raise Fault("trust_unusable", f"our own certificate files cannot be used: {error}", Result.UNKNOWN) from error


def certificate_fault(error: ssl.SSLCertVerificationError, name: str, leaf: Certificate | None) -> Fault:
    now = datetime.now(UTC)
    return Fault(*verification_fault(error.verify_code, error.verify_message, name, leaf, now))


def note_certificate(attempt: Attempt, leaf: Certificate | None, warn_within: timedelta) -> None:
    """Keep the leaf in the evidence and in the details, and warn if it ends soon."""
    if leaf is None:
        return
    attempt.transcript.remark(leaf.text())
    attempt.details["certificate_not_after"] = end_of(leaf)
    if warning := expiry_warning(leaf.not_after, datetime.now(UTC), warn_within):
        attempt.warn(*warning)
