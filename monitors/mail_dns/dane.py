"""Own the judgement on DANE: what TLSA promises is what the mail server shows, or mail stops (RFC 7672)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from monitors.mail_dns.facts import Certificates, Facts
from monitors.mail_dns.judgement import Judgement, Note, fail, ok, unknown, warn
from monitors.mail_dns.mx import exchanges, is_null
from monitors.mail_dns.options import DomainOptions
from monitors.mail_dns.published import absent
from monitors.resolver import Answer, Status

DANE_TA, DANE_EE = 2, 3
HASHES = {1: hashlib.sha256, 2: hashlib.sha512}
USAGES_IN_WORDS = {0: "PKIX-TA", 1: "PKIX-EE", DANE_TA: "an issuer (DANE-TA)", DANE_EE: "the server itself (DANE-EE)"}


@dataclass(frozen=True, slots=True)
class Tlsa:
    usage: int
    selector: int
    matching: int
    data: bytes

    @property
    def is_usable(self) -> bool:
        """Usages 0 and 1 are no use for mail (RFC 7672 section 3.1.3); unknown parameters never are (RFC 6698)."""
        return self.usage in {DANE_TA, DANE_EE} and self.selector in {0, 1} and self.matching in {0, 1, 2}


def parse_tlsa(value: str) -> Tlsa | None:
    parts = value.split()
    try:
        return Tlsa(int(parts[0]), int(parts[1]), int(parts[2]), bytes.fromhex("".join(parts[3:])))
    except (ValueError, IndexError):
        return None


def judge_dane(options: DomainOptions, facts: Facts) -> list[Judgement]:
    """One judgement per mail server that publishes TLSA; one that says so when none does."""
    mx = facts.dns(options.name, "MX")
    hosts = [one.host for one in exchanges(mx)] if not is_null(exchanges(mx)) else []
    answers = {host: facts.dns(f"_{options.smtp_port}._tcp.{host}", "TLSA") for host in hosts}
    judged = [judge_host(options, facts, host, answer) for host, answer in answers.items() if answer.values]
    if judged:
        return judged
    unclear = next((one for one in (mx, *answers.values()) if not one.is_known), None)
    nothing = Answer(options.name, "TLSA", Status.EMPTY, ttl_s=mx.ttl_s, server=mx.server)
    return [absent(options, "dane", "DANE (TLSA)", unclear or nothing)]


def judge_host(options: DomainOptions, facts: Facts, host: str, answer: Answer) -> Judgement:
    records = [one for one in map(parse_tlsa, answer.values) if one is not None]
    usable = [one for one in records if one.is_usable]
    is_secure = options.trusts_ad and answer.is_authenticated
    notes = list(_of_trust(options, host, answer))
    notes += _of_records(host, records, usable)
    if usable:
        addresses = tuple(value for found in facts.addresses(host) for value in found.values)
        shown = facts.certificates(host, addresses) if addresses else Certificates(error=f"{host} has no known address")
        notes += _of_match(host, usable, shown, is_secure=is_secure)
    if not notes:
        notes = [ok("dane_ok", f"The certificate of {host} is what TLSA promises.", "RFC 7672 section 3")]
    words = tuple(f"TLSA of {host} pins {USAGES_IN_WORDS.get(one.usage, f'usage {one.usage}')}." for one in records)
    return Judgement("dane", answer.name, tuple(notes), answer.values, words, answer.ttl_s, answer.server)


def _of_trust(options: DomainOptions, host: str, answer: Answer) -> Iterator[Note]:
    rule = "RFC 7672 section 2.1"
    if not options.trusts_ad:
        yield unknown(
            "dane_not_validated",
            f"Whether the TLSA of {host} counts is not known: the resolver is not declared as validating.",
            rule,
        )
    elif not answer.is_authenticated:
        yield warn("dane_insecure", f"The TLSA of {host} is not signed with DNSSEC, so senders ignore it.", rule)


def _of_records(host: str, records: list[Tlsa], usable: list[Tlsa]) -> Iterator[Note]:
    if not usable:
        yield warn(
            "dane_unusable",
            f"No TLSA of {host} is of usage 2 or 3: senders only encrypt, and check nothing.",
            "RFC 7672 section 3.1.3",
        )
    elif len(usable) < len(records):
        yield warn("dane_some_unusable", f"Some TLSA of {host} are of no use for mail.", "RFC 7672 section 3.1")


def _of_match(host: str, usable: list[Tlsa], shown: Certificates, *, is_secure: bool) -> Iterator[Note]:
    if not shown.chain:
        yield unknown("dane_unread", f"The certificate of {host} could not be read: {shown.error}.")
        return
    matching = [one for one in usable if matches(one, shown.chain)]
    if not matching:
        note = fail if is_secure else warn
        yield note(
            "dane_mismatch",
            f"No TLSA of {host} matches its certificate: senders with DANE do not deliver.",
            "RFC 7672 section 3",
        )
    elif len(usable) == 1:
        yield ok(
            "dane_no_rollover",
            f"The certificate of {host} is what TLSA promises; a second TLSA would make renewal safe.",
            "RFC 7671 section 8.1",
        )


def matches(tlsa: Tlsa, chain: tuple[bytes, ...]) -> bool:
    """Whether a record matches the leaf (usage 3) or an issuer in the chain (usage 2) (RFC 6698 section 2.1)."""
    candidates = chain[:1] if tlsa.usage == DANE_EE else chain[1:]
    return any(_digest(tlsa, der) == tlsa.data for der in candidates)


def _digest(tlsa: Tlsa, der: bytes) -> bytes | None:
    try:
        raw = der if tlsa.selector == 0 else public_key_of(der)
    except ValueError:
        return None
    return HASHES[tlsa.matching](raw).digest() if tlsa.matching else raw


def public_key_of(der: bytes) -> bytes:
    """SubjectPublicKeyInfo of a certificate. Raises ValueError."""
    key = x509.load_der_x509_certificate(der).public_key()
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
