"""Own the sandbox's certificates and keys: a CA, a valid and an expired leaf per service, the DKIM key."""

from __future__ import annotations

import base64
import ipaddress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from monitors.sandbox import plan as plans

DAY = timedelta(days=1)
CA_LIFE = 3650 * DAY
LEAF_LIFE = 90 * DAY
RENEW_BEFORE = 40 * DAY  # more than the 30 days at which monitors begin to warn


@dataclass(frozen=True, slots=True)
class Chain:
    """Two PEM files, certificate with key, of one service."""

    valid: Path
    expired: Path


@dataclass(frozen=True, slots=True)
class Authority:
    ca_file: Path
    api: Chain
    smtp: Chain
    policy: Chain
    dkim_public: str


@dataclass(frozen=True, slots=True)
class Issuer:
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey


def establish(directory: Path, plan: plans.Plan, now: datetime | None = None) -> Authority:
    """Make what is missing. The CA is kept between runs: who trusts it once goes on trusting it."""
    now = now or datetime.now(UTC)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    ca = _ca(directory, now)
    mail_names = [plans.SMTP_NAME, *(f"mx{n}.{plans.DOMAIN}" for n in (1, 2))]
    api_hosts = [instance.endpoint.host for instance in plan.role("api")]
    smtp_hosts = [instance.endpoint.host for instance in plan.role("smtp")]
    return Authority(
        ca_file=directory / "ca.pem",
        api=_chain(directory / "api", _subjects([plans.API_NAME], api_hosts), ca, now),
        smtp=_chain(directory / "smtp", _subjects(mail_names, smtp_hosts), ca, now),
        policy=_chain(directory / "policy", _subjects([plans.MTA_STS_NAME], [plan.policy.host]), ca, now),
        dkim_public=_dkim_public(directory / "dkim.pem"),
    )


def _subjects(names: list[str], hosts: list[str]) -> x509.SubjectAlternativeName:
    addresses = [x509.IPAddress(ipaddress.ip_address(host)) for host in dict.fromkeys(hosts)]
    return x509.SubjectAlternativeName([*map(x509.DNSName, names), *addresses])


def _ca(directory: Path, now: datetime) -> Issuer:
    ca_file, key_file = directory / "ca.pem", directory / "ca.key"
    if ca_file.exists() and key_file.exists():
        certificate = x509.load_pem_x509_certificate(ca_file.read_bytes())
        key = serialization.load_pem_private_key(key_file.read_bytes(), None)
        if isinstance(key, ec.EllipticCurvePrivateKey) and certificate.not_valid_after_utc - now > LEAF_LIFE:
            return Issuer(certificate, key)
    issuer = _new_ca(now)
    _write(key_file, _pem(issuer.key))
    ca_file.write_bytes(issuer.certificate.public_bytes(serialization.Encoding.PEM))
    return issuer


def _new_ca(now: datetime) -> Issuer:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Standpipe sandbox CA")])
    certificate = (
        _builder(name, name, key.public_key(), now - DAY, now + CA_LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs_certificates=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    return Issuer(certificate, key)


def _chain(stem: Path, subjects: x509.SubjectAlternativeName, ca: Issuer, now: datetime) -> Chain:
    chain = Chain(stem.with_suffix(".pem"), stem.with_name(f"{stem.name}-expired.pem"))
    if not _still_good(chain, subjects, ca, now):
        _write(chain.valid, _leaf(subjects, ca, now - DAY, now + LEAF_LIFE))
        _write(chain.expired, _leaf(subjects, ca, now - LEAF_LIFE, now - DAY))
    return chain


def _still_good(chain: Chain, subjects: x509.SubjectAlternativeName, ca: Issuer, now: datetime) -> bool:
    if not (chain.valid.exists() and chain.expired.exists()):
        return False
    leaf = x509.load_pem_x509_certificate(chain.valid.read_bytes())
    try:
        leaf.verify_directly_issued_by(ca.certificate)
    except Exception:  # cryptography has several ways to say "not by this CA"; each means: issue a new one
        return False
    known = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    return known == subjects and leaf.not_valid_after_utc - now > RENEW_BEFORE


def _leaf(subjects: x509.SubjectAlternativeName, ca: Issuer, start: datetime, end: datetime) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    common_name = subjects.get_values_for_type(x509.DNSName)[0]
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common_name)])
    issuer_id = x509.AuthorityKeyIdentifier.from_issuer_public_key(ca.key.public_key())
    certificate = (
        _builder(subject, ca.certificate.subject, key.public_key(), start, end)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(subjects, critical=False)
        .add_extension(_usage(signs_certificates=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(issuer_id, critical=False)
        .sign(ca.key, hashes.SHA256())
    )
    return certificate.public_bytes(serialization.Encoding.PEM) + _pem(key)


def _builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, start: datetime, end: datetime
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(end)
    )


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _dkim_public(path: Path) -> str:
    """The `p=` value of the DKIM record: base64 of the SubjectPublicKeyInfo (RFC 6376 section 3.6.1)."""
    if not path.exists():
        _write(path, _pem(rsa.generate_private_key(public_exponent=65537, key_size=2048)))
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(key.public_key().public_bytes(serialization.Encoding.DER, form)).decode()


def _pem(key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey) -> bytes:
    form = serialization.PrivateFormat.PKCS8
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def _write(path: Path, content: bytes) -> None:
    path.touch(mode=0o600, exist_ok=True)
    path.write_bytes(content)
