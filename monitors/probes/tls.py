"""Own the `tls` kind: one handshake, the certificate's trust, name and end, and the version agreed on."""

from __future__ import annotations

from typing import Literal

from monitors.options import Duration
from monitors.probes.attempt import Attempt, attempted
from monitors.probes.kind import Check, Kind
from monitors.probes.opening import open_wire, secure
from monitors.probes.trust import ServerOptions
from monitors.results import ProbeResult

VERSION_NAMES = {"1.2": "TLSv1.2", "1.3": "TLSv1.3"}


class CertificateOptions(ServerOptions):
    """A server that speaks TLS from the first byte. For STARTTLS there is `smtp`, and `tcp` with a starttls step."""

    least_version: Literal["1.2", "1.3"] = "1.2"
    under: Duration | None = None


async def shake(attempt: Attempt) -> ProbeResult:
    options: CertificateOptions = attempt.check.options

    wire = await open_wire(attempt, options)
    try:
        await secure(attempt, wire, options)
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


KIND = Kind("tls", CertificateOptions, run, host=lambda options: options.target_host)
