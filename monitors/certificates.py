"""Own certificates as the wire shows them: whom to trust, when a certificate ends, and what is wrong in words."""

from __future__ import annotations

import ssl
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path

import certifi
from cryptography import x509
from cryptography.x509.oid import NameOID

from monitors.evidence import excerpt

EXPIRY_STEPS = tuple(timedelta(days=days) for days in (1, 7, 14, 30))
"""Each step has a reason code of its own, so that an old warning that grows urgent is seen again."""

# OpenSSL's X509_V_ERR_* (x509_vfy.h).
REASON_BY_VERIFY_CODE = {
    9: "certificate_not_yet_valid",
    10: "certificate_expired",
    18: "certificate_self_signed",
    19: "certificate_untrusted",
    20: "certificate_untrusted",
    21: "certificate_untrusted",
    23: "certificate_revoked",
    62: "certificate_wrong_name",
    64: "certificate_wrong_name",
}


@dataclass(frozen=True, slots=True)
class Certificate:
    """What an operator wants to know of a leaf. Instants are UTC; `names` are DNS names and addresses."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    not_before: datetime
    not_after: datetime
    serial: str

    # Dates are slow to write out, and one leaf is told of at every check.
    @lru_cache(maxsize=4096)  # noqa: B019 - values, few and small
    def text(self) -> str:
        names = ", ".join(self.names[:20]) + (" …" if len(self.names) > 20 else "")
        return (
            f"certificate {self.subject}, issued by {self.issuer}, for {names or 'no names'}, "
            f"valid {self.not_before:%Y-%m-%d %H:%M} to {self.not_after:%Y-%m-%d %H:%M} UTC, serial {self.serial}"
        )


# Parsing costs more than the rest of a check; the same leaf comes again and again, so its bytes are the key.
@lru_cache(maxsize=4096)
def parsed(der: bytes) -> Certificate | None:
    """None for what is not a certificate."""
    try:
        return _read(x509.load_der_x509_certificate(der))
    except ValueError:
        return None


@lru_cache(maxsize=4096)
def parsed_pem(pem: str) -> Certificate | None:
    """None for what is not a certificate."""
    try:
        return _read(x509.load_pem_x509_certificate(pem.encode()))
    except ValueError:
        return None


def _read(found: x509.Certificate) -> Certificate:
    return Certificate(
        subject=_common_name(found.subject),
        issuer=_common_name(found.issuer),
        names=_names(found),
        not_before=found.not_valid_before_utc,
        not_after=found.not_valid_after_utc,
        serial=f"{found.serial_number:x}",
    )


def _common_name(name: x509.Name) -> str:
    common = name.get_attributes_for_oid(NameOID.COMMON_NAME)
    return excerpt(str(common[0].value) if common else name.rfc4514_string())


def _names(found: x509.Certificate) -> tuple[str, ...]:
    try:
        alternative = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    hosts = [excerpt(name) for name in alternative.get_values_for_type(x509.DNSName)]
    return (*hosts, *(str(address) for address in alternative.get_values_for_type(x509.IPAddress)))


def leaf_of(tls: ssl.SSLObject) -> Certificate | None:
    der = tls.getpeercert(binary_form=True)
    return parsed(der) if der else None


@lru_cache(maxsize=4096)
def end_of(leaf: Certificate) -> str:
    """When it ends, as ISO text."""
    return leaf.not_after.isoformat()


WORDS_OF_SPAN = ((172_800, 86_400, "d"), (7_200, 3_600, "h"), (60, 60, "min"), (0, 1, "s"))


def words_for(span: timedelta) -> str:
    """A span as a person says it: `40 s`, `8 min`, `5 h`, `12 d`."""
    seconds = int(abs(span.total_seconds()))
    size, unit = next((size, unit) for least, size, unit in WORDS_OF_SPAN if seconds >= least)
    return f"{seconds // size} {unit}"


def expiry_warning(not_after: datetime, now: datetime, warn_within: timedelta) -> tuple[str, str] | None:
    """Reason and sentence if it ends within `warn_within`; the reason names the step of 30, 14, 7 or 1 days."""
    left = not_after - now
    if left > warn_within:
        return None
    step = next((step for step in EXPIRY_STEPS if left <= step), None)
    reason = f"certificate_expires_{step.days}d" if step else "certificate_expires"
    return reason, f"certificate expires in {words_for(left)}, on {not_after:%Y-%m-%d %H:%M} UTC"


def verification_fault(code: int, message: str, name: str, leaf: Certificate | None, now: datetime) -> tuple[str, str]:
    """Reason and sentence for OpenSSL's verification code, with what the leaf itself says if it could be read."""
    reason = REASON_BY_VERIFY_CODE.get(code, "certificate_invalid")
    return reason, _sentence(reason, message, name, leaf, now)


SENTENCES = {
    "certificate_expired": "a certificate of the chain has expired",
    "certificate_not_yet_valid": "a certificate of the chain is not yet valid",
    "certificate_wrong_name": "certificate is not for {name}",
    "certificate_self_signed": "certificate is self-signed and not trusted here",
    "certificate_untrusted": "certificate is not trusted here: {message}",
}


def _sentence(reason: str, message: str, name: str, leaf: Certificate | None, now: datetime) -> str:
    said = SENTENCES.get(reason, "certificate is not valid: {message}").format(name=name, message=message)
    if leaf is None:
        return said
    if reason == "certificate_expired" and leaf.not_after < now:
        return f"certificate expired {words_for(now - leaf.not_after)} ago, on {leaf.not_after:%Y-%m-%d %H:%M} UTC"
    if reason == "certificate_not_yet_valid" and leaf.not_before > now:
        return f"certificate is not valid before {leaf.not_before:%Y-%m-%d %H:%M} UTC"
    if reason == "certificate_wrong_name":
        return f"{said}; it is for {', '.join(leaf.names[:5]) or 'no name at all'}"
    if reason == "certificate_untrusted":
        return f"{said} (issued by {leaf.issuer})"
    return said


SYSTEM_BUNDLES = ("/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem")


@lru_cache(maxsize=1)
def system_bundle() -> str:
    """The file of the certificates that this machine trusts, else Mozilla's."""
    return next((path for path in SYSTEM_BUNDLES if Path(path).is_file()), certifi.where())


def client_context(
    ca: Path | None = None,
    verify: bool = True,
    client_certificate: Path | None = None,
    client_key: Path | None = None,
) -> ssl.SSLContext:
    """A context, made once per set of files and anew when a file changes. Raises OSError, ssl.SSLError."""
    files = tuple(str(path) if path else None for path in (ca, client_certificate, client_key))
    return _context(files, verify, tuple(Path(file).stat().st_mtime_ns for file in files if file))


@lru_cache(maxsize=256)
def _context(files: tuple[str | None, ...], verify: bool, _changed: tuple[int, ...]) -> ssl.SSLContext:
    ca, certificate, key = files
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    if verify:
        context.load_verify_locations(ca or system_bundle())
    else:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if certificate:
        context.load_cert_chain(certificate, key)
    return context
