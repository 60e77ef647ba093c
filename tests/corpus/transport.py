"""Zones of MTA-STS, TLS-RPT and DANE (RFC 8461, RFC 8460, RFC 7672)."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID

from monitors.mail_dns.facts import Certificates, Policy
from tests.corpus import Case

T = "RFC 8461 section "
STS = '_mta-sts.acme.example TXT "v=STSv1; id=20260101"\nmta-sts.acme.example A 192.0.2.80\n'
MX1 = "acme.example MX 10 mx1.acme.example.\nmx1.acme.example A 192.0.2.1\n"
GOOD = "version: STSv1\nmode: enforce\nmx: mx1.acme.example\nmax_age: 2592000\n"


def served(body: str = GOOD, status: int = 200, content_type: str = "text/plain") -> dict[str, Policy]:
    return {"acme.example": Policy(status, content_type, body)}


MTA_STS = [
    Case("served and enforced", "ok mta_sts_ok", T + "3", STS + MX1, policies=served()),
    Case("carriage returns are fine", "ok mta_sts_ok", T + "3", STS + MX1, policies=served(GOOD.replace("\n", "\r\n"))),
    Case("a wildcard covers one label", "ok mta_sts_ok", T + "3", STS + MX1,
         policies=served(GOOD.replace("mx: mx1", "mx: *"))),
    Case("a charset beside the type", "ok mta_sts_ok", T + "3", STS + MX1,
         policies=served(content_type="text/plain; charset=utf-8")),
    Case("not published", "ok mta_sts_absent", "", MX1),
    Case("required and not published", "fail mta_sts_missing", "", MX1, {"require": ["mta-sts"]}),
    Case("servfail", "unknown mta_sts_unanswered", "", "_mta-sts.acme.example ! SERVFAIL"),
    Case("two records", "fail mta_sts_several", T + "3.1",
         STS + STS.splitlines()[0].replace("2026", "2027"), policies=served()),
    Case("no id", "fail mta_sts_bad_id", T + "3.1", STS.replace(" id=20260101", "") + MX1, policies=served()),
    Case("an id with a dash", "fail mta_sts_bad_id", T + "3.1", STS.replace("id=2026", "id=20-26") + MX1,
         policies=served()),
    Case("no policy host", "fail mta_sts_no_host", T + "3.3", STS.splitlines()[0]),
    Case("the policy host cannot be reached", "unknown mta_sts_unfetched", T + "3.3", STS + MX1),
    Case("a certificate that nobody trusts", "fail mta_sts_bad_certificate", T + "3.3", STS + MX1,
         policies={"acme.example": Policy(error="certificate has expired", is_certificate_error=True)}),
    Case("a redirect", "fail mta_sts_redirect", T + "3.3", STS + MX1, policies=served("", 301)),
    Case("not found", "fail mta_sts_no_policy", T + "3.3", STS + MX1, policies=served("", 404)),
    Case("served as a page", "warn mta_sts_content_type", T + "3.2", STS + MX1,
         policies=served(content_type="text/html")),
    Case("a wrong version", "fail mta_sts_bad_policy", T + "3.2", STS + MX1,
         policies=served(GOOD.replace("STSv1", "STSv2"))),
    Case("an unknown mode", "fail mta_sts_bad_policy", T + "3.2", STS + MX1,
         policies=served(GOOD.replace("enforce", "strict"))),
    Case("no max_age", "fail mta_sts_bad_policy", T + "3.2", STS + MX1,
         policies=served(GOOD.replace("max_age: 2592000", ""))),
    Case("an impossible max_age", "fail mta_sts_bad_policy", T + "3.2", STS + MX1,
         policies=served(GOOD.replace("2592000", "31557601"))),
    Case("no servers", "fail mta_sts_bad_policy", T + "3.2", STS + MX1,
         policies=served(GOOD.replace("mx: mx1.acme.example\n", ""))),
    Case("an empty policy", "fail mta_sts_bad_policy", T + "3.2", STS + MX1, policies=served("")),
    Case("only testing", "warn mta_sts_mode_testing", T + "3.2", STS + MX1,
         policies=served(GOOD.replace("enforce", "testing"))),
    Case("switched off", "warn mta_sts_mode_none", T + "3.2", STS + MX1,
         policies=served("version: STSv1\nmode: none\nmax_age: 86400\n")),
    Case("soon forgotten", "warn mta_sts_short_age", T + "3.2", STS + MX1,
         policies=served(GOOD.replace("2592000", "86400"))),
    Case("a server is not covered", "fail mta_sts_mx_uncovered", T + "4.1",
         STS + MX1 + "acme.example MX 20 mx2.acme.example.\nmx2.acme.example A 192.0.2.2", policies=served()),
    Case("a wildcard does not cover two labels", "fail mta_sts_mx_uncovered", T + "4.1",
         STS + "acme.example MX 10 a.b.acme.example.", policies=served(GOOD.replace("mx: mx1", "mx: *"))),
    Case("a server is not covered while testing", "warn mta_sts_mode_testing", T + "3.2",
         STS + "acme.example MX 20 mx2.acme.example.", policies=served(GOOD.replace("enforce", "testing")),
         also=("mta_sts_mx_uncovered",)),
]  # fmt: skip

R = "RFC 8460 section 3"
RPT = "_smtp._tls.acme.example TXT "
TLS_RPT = [
    Case("to a mail address", "ok tls_rpt_ok", R, RPT + '"v=TLSRPTv1; rua=mailto:t@acme.example"'),
    Case("to a web address", "ok tls_rpt_ok", R, RPT + '"v=TLSRPTv1; rua=https://acme.example/tls"'),
    Case("not published", "ok tls_rpt_absent", "", ""),
    Case("required and not published", "fail tls_rpt_missing", "", "", {"require": ["tls-rpt"]}),
    Case("two records", "warn tls_rpt_several", R,
         RPT + '"v=TLSRPTv1; rua=mailto:t@acme.example"\n' + RPT + '"v=TLSRPTv1; rua=mailto:u@acme.example"'),
    Case("no rua", "warn tls_rpt_no_rua", R, RPT + '"v=TLSRPTv1;"'),
    Case("plain http", "warn tls_rpt_bad_rua", R, RPT + '"v=TLSRPTv1; rua=http://acme.example/tls"'),
    Case("silence", "unknown tls_rpt_unanswered", "", "_smtp._tls.acme.example ! SILENT"),
]  # fmt: skip


def certificate(name: str) -> tuple[bytes, bytes]:
    """(DER, public key as DER) of a self-signed certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    made = (
        x509.CertificateBuilder(subject, subject, key.public_key(), 7)
        .not_valid_before(datetime(2026, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2027, 1, 1, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
    public = key.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    return made.public_bytes(Encoding.DER), public


LEAF, LEAF_KEY = certificate("mx1.acme.example")
ISSUER, ISSUER_KEY = certificate("issuer")
SHOWN = {"mx1.acme.example": Certificates((LEAF, ISSUER))}
TRUST = {"resolver": {"servers": ["192.0.2.53"], "validating": True}}


def sha256(raw: bytes) -> str:
    return hashlib.sha256(raw).hexdigest()


def tlsa(*values: str) -> str:
    return MX1 + "\n".join(f"_25._tcp.mx1.acme.example TLSA {value}" for value in values)


MATCH = f"3 1 1 {sha256(LEAF_KEY)}"
N = "RFC 7672 section "
DANE = [
    Case("leaf key matches", "ok dane_no_rollover", "RFC 7671 section 8.1", tlsa(MATCH), TRUST, certificates=SHOWN,
         validating=True),
    Case("with a second for renewal", "ok dane_ok", N + "3", tlsa(MATCH, f"3 1 1 {'00' * 32}"), TRUST,
         certificates=SHOWN, validating=True),
    Case("whole leaf, SHA-512", "ok dane_no_rollover", "RFC 7671 section 8.1",
         tlsa(f"3 0 2 {hashlib.sha512(LEAF).hexdigest()}"), TRUST, certificates=SHOWN, validating=True),
    Case("whole key, unhashed", "ok dane_no_rollover", "RFC 7671 section 8.1", tlsa(f"3 1 0 {LEAF_KEY.hex()}"), TRUST,
         certificates=SHOWN, validating=True),
    Case("the issuer matches", "ok dane_no_rollover", "RFC 7671 section 8.1", tlsa(f"2 1 1 {sha256(ISSUER_KEY)}"),
         TRUST, certificates=SHOWN, validating=True),
    Case("the leaf is no issuer", "fail dane_mismatch", N + "3", tlsa(f"2 1 1 {sha256(LEAF_KEY)}"), TRUST,
         certificates=SHOWN, validating=True),
    Case("another key", "fail dane_mismatch", N + "3", tlsa(f"3 1 1 {'00' * 32}"), TRUST, certificates=SHOWN,
         validating=True),
    Case("not signed", "warn dane_insecure", N + "2.1", tlsa(MATCH), TRUST, certificates=SHOWN),
    Case("not signed and another key", "warn dane_insecure", N + "2.1", tlsa(f"3 1 1 {'00' * 32}"), TRUST,
         certificates=SHOWN, also=("dane_mismatch",)),
    Case("AD of a resolver that is not trusted", "unknown dane_not_validated", N + "2.1", tlsa(MATCH),
         certificates=SHOWN, validating=True),
    Case("of no use for mail", "warn dane_unusable", N + "3.1.3", tlsa(f"1 1 1 {sha256(LEAF_KEY)}"), TRUST,
         certificates=SHOWN, validating=True),
    Case("some of no use", "warn dane_some_unusable", N + "3.1", tlsa(MATCH, f"0 1 1 {sha256(LEAF_KEY)}"), TRUST,
         certificates=SHOWN, validating=True),
    Case("the certificate cannot be read", "unknown dane_unread", "", tlsa(MATCH), TRUST, validating=True),
    Case("not published", "ok dane_absent", "", MX1, TRUST, validating=True),
    Case("required and not published", "fail dane_missing", "", MX1, {**TRUST, "require": ["dane"]}, validating=True),
    Case("silence", "unknown dane_unanswered", "", MX1 + "_25._tcp.mx1.acme.example ! SILENT", TRUST, validating=True),
]  # fmt: skip
