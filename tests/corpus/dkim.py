"""DKIM zones (RFC 6376, RFC 8301, RFC 8463). Keys are made once, here."""

from __future__ import annotations

import base64

from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.corpus import Case

D = "RFC 6376 section "


def key(bits: int, form: PublicFormat = PublicFormat.SubjectPublicKeyInfo) -> str:
    public = rsa.generate_private_key(65537, bits).public_key()
    return base64.b64encode(public.public_bytes(Encoding.DER, form)).decode()


K2048, K1024, BARE = key(2048), key(1024), key(2048, PublicFormat.PKCS1)
PEM = f"-----BEGIN PUBLIC KEY-----\n{K2048[:64]}\n{K2048[64:]}\n-----END PUBLIC KEY-----\n"
ED = base64.b64encode(Ed25519PrivateKey.generate().public_key().public_bytes_raw()).decode()
ONE = {"dkim": ["s1"]}


def at(text: str) -> str:
    return f's1._domainkey.acme.example TXT "{text}"\n'


CASES = [
    Case("a good RSA key", "ok dkim_ok", D + "3.6.1", at(f"v=DKIM1; k=rsa; p={K2048}"), ONE),
    Case("only p is needed", "ok dkim_ok", D + "3.6.1", at(f"p={K2048}"), ONE),
    Case("a bare RSAPublicKey", "ok dkim_ok", D + "3.6.1", at(f"v=DKIM1; p={BARE}"), ONE),
    Case("a key with blanks inside", "ok dkim_ok", D + "3.6.1", at(f"v=DKIM1; p={K2048[:60]} {K2048[60:]}"), ONE),
    Case("an ed25519 key", "ok dkim_ok", D + "3.6.1", at(f"v=DKIM1; k=ed25519; p={ED}"), ONE),
    Case("behind an alias", "ok dkim_ok", D + "3.6.1",
         f's1._domainkey.acme.example CNAME s1.provider.example.\ns1.provider.example TXT "v=DKIM1; p={K2048}"', ONE),
    Case("strict identity is fine", "ok dkim_ok", D + "3.6.1", at(f"v=DKIM1; t=s; p={K2048}"), ONE),
    Case("sha256 allowed by name", "ok dkim_ok", D + "3.6.1", at(f"v=DKIM1; h=sha1:sha256; p={K2048}"), ONE),
    Case("for mail by name", "ok dkim_ok", D + "3.6.1", at(f"v=DKIM1; s=email; p={K2048}"), ONE),
    Case("the key that is configured", "ok dkim_ok", D + "3.6.1", at(f"v=DKIM1; p={K2048}"),
         {"dkim": [{"selector": "s1", "public_key": K2048}]}),
    Case("the configured key as PEM", "ok dkim_ok", D + "3.6.1", at(f"v=DKIM1; p={K2048}"),
         {"dkim": [{"selector": "s1",
                    "public_key": PEM}]}),
    Case("another key than the configured one", "fail dkim_other_key", D + "6.1.3", at(f"v=DKIM1; p={BARE}"),
         {"dkim": [{"selector": "s1", "public_key": K2048}]}),
    Case("no such selector", "fail dkim_missing", D + "3.6.2", 'acme.example TXT "hello"', ONE),
    Case("an alias to nothing", "fail dkim_missing", D + "3.6.2",
         "s1._domainkey.acme.example CNAME gone.provider.example.", ONE),
    Case("a text that is no key", "fail dkim_not_a_key", D + "3.6.1", at("v=spf1 -all"), ONE),
    Case("revoked", "fail dkim_revoked", D + "3.6.1", at("v=DKIM1; p="), ONE),
    Case("without p", "fail dkim_revoked", D + "3.6.1", at("v=DKIM1; k=rsa"), ONE),
    Case("not base64", "fail dkim_unreadable", D + "3.6.1", at("v=DKIM1; p=****"), ONE),
    Case("base64 of nothing useful", "fail dkim_unreadable", D + "3.6.1", at("v=DKIM1; p=AAAA"), ONE),
    Case("half a key", "fail dkim_unreadable", D + "3.6.1", at(f"v=DKIM1; p={K2048[:200]}"), ONE),
    Case("an unknown key type", "fail dkim_unreadable", D + "3.6.1", at(f"v=DKIM1; k=dsa; p={K2048}"), ONE),
    Case("ed25519 of the wrong size", "fail dkim_unreadable", D + "3.6.1", at(f"v=DKIM1; k=ed25519; p={K2048}"), ONE),
    Case("a key of 1024 bits", "warn dkim_key_short", "RFC 8301 section 3.2", at(f"v=DKIM1; p={K1024}"), ONE),
    Case("testing", "warn dkim_testing", D + "3.6.1", at(f"v=DKIM1; t=y; p={K2048}"), ONE),
    Case("testing and strict", "warn dkim_testing", D + "3.6.1", at(f"v=DKIM1; t=y:s; p={K2048}"), ONE),
    Case("only sha1", "fail dkim_sha1_only", "RFC 8301 section 3.1", at(f"v=DKIM1; h=sha1; p={K2048}"), ONE),
    Case("not for mail", "fail dkim_not_for_mail", D + "3.6.1", at(f"v=DKIM1; s=tlsrpt; p={K2048}"), ONE),
    Case("a wrong version", "fail dkim_bad_version", D + "3.6.1", at(f"v=DKIM2; p={K2048}"), ONE),
    Case("version not first", "fail dkim_bad_version", D + "3.6.1", at(f"p={K2048}; v=DKIM1"), ONE),
    Case("a tag twice", "fail dkim_repeated_tag", D + "3.2", at(f"v=DKIM1; p={K2048}; p={K2048}"), ONE),
    Case("two keys", "fail dkim_several", D + "3.6.2.2", at(f"v=DKIM1; p={K2048}") + at(f"v=DKIM1; p={K1024}"), ONE),
    Case("servfail", "unknown dkim_unanswered", "", "s1._domainkey.acme.example ! SERVFAIL", ONE),
    Case("silence", "unknown dkim_unanswered", "", "s1._domainkey.acme.example ! SILENT", ONE),
]  # fmt: skip
