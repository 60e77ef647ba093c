"""A really signed zone, a resolver that validates, a mail server: DANE is judged as a sending server would."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import dns.dnssec
import dns.rdataset
import dns.zone
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from dns.rdtypes.ANY.DNSKEY import DNSKEY

from monitors.mail_dns.fetch import evaluate
from monitors.mail_dns.judgement import Judgement
from monitors.mail_dns.options import DomainOptions
from tests.peers import Nsd, Postfix, Unbound

START = Callable[..., Any]
ZONE = """$ORIGIN signed.test.
$TTL 60
@ SOA ns1 hostmaster 7 3600 600 604800 60
@ NS ns1
ns1 A 127.0.0.1
@ MX 10 mx1
mx1 A 127.0.0.1
_{port}._tcp.mx1 TLSA 3 1 1 {pin}
"""


def pin_of(certificate: Path) -> str:
    key = x509.load_pem_x509_certificate(certificate.read_bytes()).public_key()
    return hashlib.sha256(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).hexdigest()


class Signer:
    """A key, and zones signed with it."""

    def __init__(self) -> None:
        self._private = ec.generate_private_key(ec.SECP256R1())
        self.key: DNSKEY = dns.dnssec.make_dnskey(self._private.public_key(), dns.dnssec.Algorithm.ECDSAP256SHA256, 257)

    @property
    def anchor(self) -> str:
        return f'trust-anchor: "signed.test. DNSKEY {self.key.to_text()}"'

    def sign(self, text: str) -> dns.zone.Zone:
        zone = dns.zone.from_text(text, relativize=False)
        now = time.time()
        dns.dnssec.sign_zone(
            zone, keys=[(self._private, self.key)], inception=now - 3600, expiration=now + 86_400, add_dnskey=True
        )
        return zone


@pytest.fixture
def signer() -> Signer:
    return Signer()


@pytest.fixture
def resolver(start_peer: START, signer: Signer) -> Unbound:
    made: Unbound = start_peer(Unbound, server=signer.anchor)
    return made


def serve(nsd: Nsd, resolver: Unbound, zone: str) -> None:
    nsd.serve("signed.test", zone)
    resolver.ask("signed.test", nsd.port, is_signed=True)


async def dane(resolver: Unbound, smtp_port: int, *, validating: bool = True) -> Judgement:
    asked = {"servers": [f"127.0.0.1:{resolver.port}"], "validating": validating}
    # These walk above the zone, where this resolver knows nobody.
    skipped = ["ns", "dmarc", "caa"]
    options = {"name": "signed.test", "resolver": asked, "smtp_port": smtp_port, "skip": skipped}
    evaluation = await evaluate(DomainOptions.model_validate(options), 15)
    return next(one for one in evaluation.judgements if one.record == "dane")


async def test_a_signed_pin_that_fits_is_well(nsd: Nsd, resolver: Unbound, postfix: Postfix, signer: Signer) -> None:
    serve(nsd, resolver, signer.sign(ZONE.format(port=postfix.port, pin=pin_of(postfix.ca_file))).to_text())
    found = await dane(resolver, postfix.port)
    assert (found.result, found.reason) == ("ok", "dane_no_rollover")


async def test_a_signed_pin_of_another_key_stops_mail(
    nsd: Nsd, resolver: Unbound, postfix: Postfix, signer: Signer
) -> None:
    serve(nsd, resolver, signer.sign(ZONE.format(port=postfix.port, pin="ab" * 32)).to_text())
    found = await dane(resolver, postfix.port)
    assert (found.result, found.reason) == ("fail", "dane_mismatch")


async def test_a_resolver_that_nobody_vouches_for_proves_nothing(
    nsd: Nsd, resolver: Unbound, postfix: Postfix, signer: Signer
) -> None:
    serve(nsd, resolver, signer.sign(ZONE.format(port=postfix.port, pin=pin_of(postfix.ca_file))).to_text())
    found = await dane(resolver, postfix.port, validating=False)
    assert (found.result, found.reason) == ("unknown", "dane_not_validated")


async def test_a_pin_that_was_changed_after_signing_is_not_believed(
    nsd: Nsd, resolver: Unbound, postfix: Postfix, signer: Signer
) -> None:
    pin = pin_of(postfix.ca_file)
    forged = signer.sign(ZONE.format(port=postfix.port, pin=pin)).to_text().replace(pin, "ab" * 32)
    serve(nsd, resolver, forged)
    found = await dane(resolver, postfix.port)
    assert found.result == "unknown"
    assert "SERVFAIL" in found.sentence


async def test_a_pin_in_an_unsigned_zone_is_ignored_by_senders(nsd: Nsd, start_peer: START, postfix: Postfix) -> None:
    resolver: Unbound = start_peer(Unbound)
    nsd.serve("signed.test", ZONE.format(port=postfix.port, pin=pin_of(postfix.ca_file)))
    resolver.ask("signed.test", nsd.port)
    found = await dane(resolver, postfix.port)
    assert (found.result, found.reason) == ("warn", "dane_insecure")
