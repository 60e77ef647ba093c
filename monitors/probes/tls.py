"""Own the `tls` kind: one handshake, the certificate's trust, name and end, and the version agreed on."""

from __future__ import annotations

import ssl
from typing import Literal

from monitors.addresses import Address, IpVersion, host_and_port
from monitors.certificates import Certificate
from monitors.options import Duration
from monitors.probes.attempt import Attempt, attempted
from monitors.probes.kind import Check, Kind
from monitors.probes.opening import leaf_at, open_wire, secure
from monitors.probes.trust import TlsOptions
from monitors.results import ProbeResult

VERSION_NAMES = {"1.2": "TLSv1.2", "1.3": "TLSv1.3"}


class CertificateOptions(TlsOptions):
    """A server that speaks TLS from the first byte. For STARTTLS there is `smtp`, and `tcp` with a starttls step."""

    address: Address
    connect_to: Address | None = None
    ip_version: IpVersion | None = None
    least_version: Literal["1.2", "1.3"] = "1.2"
    under: Duration | None = None

    @property
    def target(self) -> str:
        return self.connect_to or self.address

    @property
    def tls_name(self) -> str:
        return self.server_name or host_and_port(self.address)[0]


async def shake(attempt: Attempt) -> ProbeResult:
    options: CertificateOptions = attempt.check.options

    async def read_leaf(context: ssl.SSLContext) -> Certificate | None:
        return await leaf_at(options.target, options.ip_version, context, options.tls_name)

    wire = await open_wire(attempt, options.target, options.ip_version)
    try:
        await secure(attempt, wire, options, options.tls_name, read_leaf)
        version = wire.tls.version() or "no version"
    finally:
        wire.close()
    if version < VERSION_NAMES[options.least_version]:
        attempt.warn("tls_old", f"agreed on {version}, expected at least TLS {options.least_version}")
    attempt.warn_if_slower_than(options.under)
    ends = attempt.details.get("certificate_not_after", "")[:10]
    return attempt.succeed(f"{version}, certificate valid until {ends}")


async def run(check: Check) -> ProbeResult:
    return await attempted(check, shake)


KIND = Kind("tls", CertificateOptions, run, host=lambda options: host_and_port(options.target)[0])
