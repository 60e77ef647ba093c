"""Own the judgement on CAA: who may issue certificates for the domain (RFC 8659)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from monitors.mail_dns.facts import Facts, parents
from monitors.mail_dns.judgement import Judgement, Note, ok, warn
from monitors.mail_dns.options import DomainOptions
from monitors.mail_dns.published import absent
from monitors.resolver import Answer, Status

VALUE = re.compile(r'(?P<flags>\d{1,3}) (?P<tag>[A-Za-z0-9]+) "?(?P<value>.*?)"?', re.DOTALL)
ISSUER = re.compile(r"\s*(?P<domain>[A-Za-z0-9.-]*)\s*(?:;.*)?", re.DOTALL)
KNOWN_TAGS = {"issue", "issuewild", "iodef", "issuemail", "issuevmc", "contactemail", "contactphone"}
CRITICAL = 128


@dataclass(frozen=True, slots=True)
class Property:
    flags: int
    tag: str
    value: str


def parse_caa(text: str) -> Property | None:
    match = VALUE.fullmatch(text)
    return None if match is None else Property(int(match["flags"]), match["tag"].lower(), match["value"])


def relevant(facts: Facts, name: str) -> Answer:
    """The first CAA set at the name or above it (RFC 8659 section 3); the last answer when there is none.

    A server that refuses a name above ends the climb: it is asked as the authority of its own zone only.
    """
    answer = facts.dns(name, "CAA")
    for candidate in parents(name):
        above = facts.dns(candidate, "CAA")
        if candidate != name and above.status is Status.REFUSED:
            break
        answer = above
        if answer.values or not answer.is_known:
            break
    return answer


def judge_caa(options: DomainOptions, facts: Facts) -> list[Judgement]:
    answer = relevant(facts, options.name)
    if not answer.values:
        return [replace(absent(options, "caa", "A CAA record", answer), name=options.name)]
    properties = [one for one in map(parse_caa, answer.values) if one is not None]
    notes = list(_notes(properties))
    words = tuple(_in_words(properties))
    if not notes:
        notes = [ok("caa_ok", words[0] if words else "The CAA records are valid.", "RFC 8659 section 4")]
    return [Judgement("caa", answer.name, tuple(notes), answer.values, words, answer.ttl_s, answer.server)]


def _notes(properties: list[Property]) -> Iterator[Note]:
    for one in properties:
        if one.tag not in KNOWN_TAGS and one.flags & CRITICAL:
            yield warn(
                "caa_unknown_critical",
                f"The critical tag {one.tag} is not known: no certificate can be issued.",
                "RFC 8659 section 4.1",
            )
        elif one.tag not in KNOWN_TAGS:
            yield warn("caa_unknown_tag", f"The tag {one.tag} is not known and is ignored.", "RFC 8659 section 4.1")
        elif one.tag.startswith("issue") and not ISSUER.fullmatch(one.value):
            yield warn("caa_bad_issuer", f"“{one.value}” names no issuer, so nobody may issue.", "RFC 8659 section 4.2")
        elif one.tag == "iodef" and not one.value.startswith(("mailto:", "http://", "https://")):
            yield warn("caa_bad_iodef", f"“{one.value}” is no address for reports.", "RFC 8659 section 4.4")


def _in_words(properties: list[Property]) -> Iterator[str]:
    for tag, what in (("issue", "Certificates"), ("issuewild", "Wildcard certificates")):
        values = [one.value for one in properties if one.tag == tag]
        if values:
            names = sorted({value.partition(";")[0].strip() for value in values} - {""})
            yield f"{what} may be issued by {', '.join(names)}." if names else f"{what} may be issued by nobody."
