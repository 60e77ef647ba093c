"""Own the judgement on DKIM keys of configured selectors: selectors cannot be guessed (RFC 6376 section 3.6.1)."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.serialization import load_der_public_key

from monitors.mail_dns.facts import Facts, how_it_failed
from monitors.mail_dns.judgement import Judgement, Note, fail, ok, unknown, warn
from monitors.mail_dns.options import DomainOptions, Selector
from monitors.mail_dns.tags import TagList, parse_tags

RSA_BITS_MIN, RSA_BITS_GOOD = 1024, 2048
"""RFC 8301 section 3.2: verifiers must refuse less than the first, signers should use the second."""
ED25519_BYTES = 32
PKCS1_PREFIX = bytes.fromhex("300d06092a864886f70d0101010500")
"""The algorithm identifier that turns a bare RSAPublicKey (RFC 6376) into the form that everyone publishes."""


@dataclass(frozen=True, slots=True)
class Key:
    kind: str
    bits: int

    @property
    def title(self) -> str:
        return "RSA" if self.kind == "rsa" else "Ed25519"


class KeyUnreadableError(Exception):
    """The public key cannot be read: {reason}."""


def judge_dkim(options: DomainOptions, facts: Facts) -> list[Judgement]:
    """One judgement per configured selector; none where none is configured."""
    return [judge_one(selector, options.name, facts) for selector in options.dkim]


def judge_one(selector: Selector, domain: str, facts: Facts) -> Judgement:
    name = f"{selector.selector.lower()}._domainkey.{domain}"
    answer = facts.dns(name, "TXT")
    records = tuple(text for text in answer.values if _looks_like_key(text))
    words: tuple[str, ...] = ()
    if not answer.is_known:
        notes = [
            unknown("dkim_unanswered", f"Nothing is known of selector {selector.selector}: {how_it_failed(answer)}.")
        ]
    elif not records:
        notes = [_of_absence(selector, name, answer.values)]
    elif len(records) > 1:
        notes = [
            fail(
                "dkim_several",
                f"{name} has {len(records)} keys; what a verifier does with them is undefined.",
                "RFC 6376 section 3.6.2.2",
            )
        ]
    else:
        notes, words = _of_record(selector, parse_tags(records[0]))
    if answer.aliases:
        words = (*words, f"The key is kept at {answer.aliases[-1]} (CNAME).")
    return Judgement(
        "dkim", name, tuple(notes), values=records or answer.values, words=words, ttl_s=answer.ttl_s,
        server=answer.server, detail={"selector": selector.selector, "aliases": list(answer.aliases)},
        is_learnt=answer.is_known, is_published=bool(answer.values),
    )  # fmt: skip


def _looks_like_key(text: str) -> bool:
    tags = parse_tags(text)
    return tags.get("p") is not None or (tags.get("v") or "").upper() == "DKIM1"


def _of_absence(selector: Selector, name: str, values: tuple[str, ...]) -> Note:
    if values:
        return fail(
            "dkim_not_a_key", f"{name} holds “{values[0][:60]}”, which is no DKIM key.", "RFC 6376 section 3.6.1"
        )
    return fail(
        "dkim_missing",
        f"Selector {selector.selector} has no key ({name} TXT): signatures with it fail.",
        "RFC 6376 section 3.6.2",
    )


def _of_record(selector: Selector, tags: TagList) -> tuple[list[Note], tuple[str, ...]]:
    """The notes on one key record, and the key in words."""
    notes = list(_of_tags(tags))
    published = "".join((tags.get("p") or "").split())
    if not published:
        return [*notes, _of_revocation(selector, tags)], ("The key is revoked.",)
    try:
        key = read_key((tags.get("k") or "rsa").lower(), published)
    except KeyUnreadableError as error:
        sentence = f"The key of selector {selector.selector} cannot be used: {error}."
        return [*notes, fail("dkim_unreadable", sentence, "RFC 6376 section 3.6.1")], ()
    notes += [*_of_key(selector, key), *_of_expected(selector, published)]
    if not notes:
        sentence = f"Selector {selector.selector} has a usable {key.title} key of {key.bits} bits."
        notes = [ok("dkim_ok", sentence, "RFC 6376 section 3.6.1")]
    return notes, (f"An {key.title} key of {key.bits} bits.",)


def _of_revocation(selector: Selector, tags: TagList) -> Note:
    what = "revoked (p= is empty)" if tags.get("p") is not None else "without a key (no p=)"
    sentence = f"Selector {selector.selector} is {what}: signatures with it fail."
    return fail("dkim_revoked", sentence, "RFC 6376 section 3.6.1")


def _of_expected(selector: Selector, published: str) -> Iterator[Note]:
    if selector.public_key and _bare(selector.public_key) != published.rstrip("="):
        sentence = f"The key published at selector {selector.selector} is not the one configured: signatures fail."
        yield fail("dkim_other_key", sentence, "RFC 6376 section 6.1.3")


def _bare(key: str) -> str:
    """A key as people paste it, PEM armour and line breaks included, as bare base64."""
    return "".join(line.strip() for line in key.splitlines() if not line.startswith("-----")).rstrip("=")


def _of_tags(tags: TagList) -> Iterator[Note]:
    version = tags.get("v")
    if version is not None and (tags.first != ("v", "DKIM1")):
        yield fail(
            "dkim_bad_version",
            f"v={version} must be DKIM1 and come first: verifiers discard the key.",
            "RFC 6376 section 3.6.1",
        )
    if tags.repeated:
        yield fail(
            "dkim_repeated_tag",
            f"{', '.join(tags.repeated)} appears more than once, which makes the record invalid.",
            "RFC 6376 section 3.2",
        )
    if tags.stray:
        yield warn("dkim_stray", f"“{tags.stray[0][:60]}” is no tag.", "RFC 6376 section 3.2")
    flags = _listed(tags.get("t"))
    if "y" in flags:
        yield warn(
            "dkim_testing",
            "t=y: the domain is testing, so verifiers may treat signed mail as unsigned.",
            "RFC 6376 section 3.6.1",
        )
    hashes = _listed(tags.get("h"))
    if hashes and "sha256" not in hashes:
        yield fail(
            "dkim_sha1_only",
            f"h={tags.get('h')} leaves out sha256, the only hash that verifiers accept.",
            "RFC 8301 section 3.1",
        )
    services = _listed(tags.get("s"))
    if services and not services & {"*", "email"}:
        yield fail("dkim_not_for_mail", f"s={tags.get('s')} does not allow the key for mail.", "RFC 6376 section 3.6.1")


def _listed(value: str | None) -> set[str]:
    return {part.strip().lower() for part in (value or "").split(":") if part.strip()}


def _of_key(selector: Selector, key: Key) -> Iterator[Note]:
    if key.kind != "rsa":
        return
    if key.bits < RSA_BITS_MIN:
        yield fail(
            "dkim_key_too_short",
            f"The key of selector {selector.selector} has {key.bits} bits; verifiers refuse less than {RSA_BITS_MIN}.",
            "RFC 8301 section 3.2",
        )
    elif key.bits < RSA_BITS_GOOD:
        yield warn(
            "dkim_key_short",
            f"The key of selector {selector.selector} has {key.bits} bits; use {RSA_BITS_GOOD}.",
            "RFC 8301 section 3.2",
        )


def read_key(kind: str, text: str) -> Key:
    """Raises KeyUnreadableError with the reason."""
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise KeyUnreadableError(f"p= is not base64 ({error})") from error
    if kind == "ed25519":
        if len(raw) != ED25519_BYTES:
            raise KeyUnreadableError(
                f"an ed25519 key has {ED25519_BYTES} bytes, this one {len(raw)} (RFC 8463 section 4.2)"
            )
        return Key("ed25519", 256)
    if kind != "rsa":
        raise KeyUnreadableError(f"k={kind} is no key type that verifiers know")
    return _read_rsa(raw)


def _read_rsa(raw: bytes) -> Key:
    for candidate in (raw, _wrapped(raw)):
        try:
            key = load_der_public_key(candidate)
        except (ValueError, UnsupportedAlgorithm):
            continue
        if isinstance(key, RSAPublicKey):
            return Key("rsa", key.key_size)
    raise KeyUnreadableError("p= holds no RSA public key")


def _wrapped(raw: bytes) -> bytes:
    """A bare RSAPublicKey as SubjectPublicKeyInfo."""
    bits = b"\x03" + _length(len(raw) + 1) + b"\0" + raw
    body = PKCS1_PREFIX + bits
    return b"\x30" + _length(len(body)) + body


def _length(size: int) -> bytes:
    if size < 0x80:
        return bytes([size])
    raw = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([0x80 | len(raw)]) + raw
