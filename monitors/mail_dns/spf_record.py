"""Own the grammar of SPF records: text in; terms, or the reason why it is none, out (RFC 7208 sections 5, 6, 12)."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

QUALIFIERS = {"+": "pass", "-": "fail", "~": "softfail", "?": "neutral"}
MECHANISMS = {"all", "include", "a", "mx", "ptr", "ip4", "ip6", "exists"}
LOOKUP_TERMS = {"include", "a", "mx", "ptr", "exists", "redirect"}
"""Terms that cost one of the ten DNS lookups (RFC 7208 section 4.6.4)."""

TERM = re.compile(r"(?P<qualifier>[-+~?])?(?P<name>[A-Za-z][A-Za-z0-9]*)(?P<rest>[:/].*)?", re.DOTALL)
MODIFIER = re.compile(r"(?P<name>[A-Za-z][A-Za-z0-9_.-]*)=(?P<value>.*)", re.DOTALL)
MACRO = r"%(?:\{[SLODIPHCRTVslodiphcrtv][0-9]{0,3}[rR]?[-.+,/_=]*\}|%|_|-)"
DOMAIN_MACRO = r"%(?:\{[SLODIPHVslodiphv](?:0*[1-9][0-9]*)?[rR]?[-.+,/_=]*\}|%|_|-)"
"""In a domain: c, r and t are of explanations only (section 7.2), and a number of labels is not zero (7.3)."""
DOMAIN_STRING = re.compile(rf"(?:{DOMAIN_MACRO}|[!-$&-~])*")
MACRO_STRING = re.compile(rf"(?:{MACRO}|[!-$&-~])*")
DOMAIN_END = re.compile(rf"(?:.*\.(?=[A-Za-z0-9-]*[A-Za-z-])[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.?|.*{MACRO})")
CIDR = re.compile(r"(?P<target>.*?)(?:/(?P<v4>\d{1,3}))?(?://(?P<v6>\d{1,3}))?", re.DOTALL)


class SpfSyntaxError(Exception):
    """The record is not valid SPF, so every receiver answers permerror: {reason}."""


@dataclass(frozen=True, slots=True)
class Term:
    """One mechanism or modifier. `target` is the domain-spec or address, '' where the record's own domain is meant."""

    text: str
    name: str
    qualifier: str = "+"
    target: str = ""
    prefix4: int = 32
    prefix6: int = 128
    is_modifier: bool = False

    @property
    def costs_lookup(self) -> bool:
        return self.name in LOOKUP_TERMS

    @property
    def has_macro(self) -> bool:
        return "%" in self.target


@dataclass(frozen=True, slots=True)
class SpfRecord:
    text: str
    terms: tuple[Term, ...]

    @property
    def mechanisms(self) -> tuple[Term, ...]:
        return tuple(term for term in self.terms if not term.is_modifier)

    @property
    def all_term(self) -> Term | None:
        return next((term for term in self.terms if term.name == "all" and not term.is_modifier), None)

    @property
    def redirect(self) -> Term | None:
        """The redirect that counts: `all` makes it mean nothing (section 6.1)."""
        return None if self.all_term else next((term for term in self.terms if term.name == "redirect"), None)


def is_spf(text: str) -> bool:
    """Whether a TXT record claims to be SPF: exactly `v=spf1`, then a space or the end (section 4.5)."""
    return text[:6].lower() == "v=spf1" and (len(text) == 6 or text[6] == " ")


def parse_spf(text: str) -> SpfRecord:
    """Raises SpfSyntaxError: one bad term spoils the whole record (section 4.6)."""
    if not text.isascii():
        raise SpfSyntaxError("the record holds characters beyond ASCII")
    terms = tuple(parse_term(word) for word in text[6:].split(" ") if word)
    for name in ("redirect", "exp"):
        if sum(term.is_modifier and term.name == name for term in terms) > 1:
            raise SpfSyntaxError(f"{name}= appears more than once")
    return SpfRecord(text, terms)


def parse_term(word: str) -> Term:
    modifier = MODIFIER.fullmatch(word)
    if modifier is not None:
        return _modifier(word, modifier["name"].lower(), modifier["value"])
    match = TERM.fullmatch(word)
    if match is None or match["name"].lower() not in MECHANISMS:
        raise SpfSyntaxError(f"“{word}” is no mechanism or modifier")
    name, rest = match["name"].lower(), match["rest"] or ""
    qualifier = match["qualifier"] or "+"
    if name == "all":
        return _without_rest(word, name, qualifier, rest)
    if name in {"ip4", "ip6"}:
        return _network(word, name, qualifier, rest)
    return _named(word, name, qualifier, rest)


def _without_rest(word: str, name: str, qualifier: str, rest: str) -> Term:
    if rest:
        raise SpfSyntaxError(f"“{word}”: {name} takes no argument")
    return Term(word, name, qualifier)


def _modifier(word: str, name: str, value: str) -> Term:
    if name in {"redirect", "exp"}:
        check_domain_spec(word, value)
    elif not MACRO_STRING.fullmatch(value):
        raise SpfSyntaxError(f"“{word}” holds a macro that does not exist")
    return Term(word, name, target=value, is_modifier=True)


def _network(word: str, name: str, qualifier: str, rest: str) -> Term:
    family: type[ipaddress.IPv4Network | ipaddress.IPv6Network]
    family = ipaddress.IPv4Network if name == "ip4" else ipaddress.IPv6Network
    address, _, prefix = rest.removeprefix(":").partition("/")
    if not rest.startswith(":") or (prefix and not prefix.isdigit()) or (rest.endswith("/")):
        raise SpfSyntaxError(f"“{word}” is not {name}:address or {name}:address/length")
    try:
        network = family(f"{address}/{prefix}" if prefix else address, strict=False)
    except ValueError as error:
        raise SpfSyntaxError(f"“{word}”: {address} is not an address of this family ({error})") from error
    length = network.prefixlen
    return Term(word, name, qualifier, str(network), length if name == "ip4" else 32, length if name == "ip6" else 128)


def _named(word: str, name: str, qualifier: str, rest: str) -> Term:
    """include, a, mx, ptr, exists: a domain-spec, and for a and mx the lengths of two prefixes."""
    takes_cidr = name in {"a", "mx"}
    match = CIDR.fullmatch(rest) if takes_cidr else None
    target = match["target"] if match else rest
    if target and (not target.startswith(":") or len(target) == 1):
        raise SpfSyntaxError(f"“{word}” names no domain after {name}")
    target = target.removeprefix(":")
    if not target and name in {"include", "exists"}:
        raise SpfSyntaxError(f"“{word}”: {name} needs a domain")
    if target:
        check_domain_spec(word, target)
    prefix4, prefix6 = int(match["v4"] or 32) if match else 32, int(match["v6"] or 128) if match else 128
    if prefix4 > 32 or prefix6 > 128:
        raise SpfSyntaxError(f"“{word}” has a prefix longer than an address")
    return Term(word, name, qualifier, target, prefix4, prefix6)


def check_domain_spec(word: str, target: str) -> None:
    """Raises SpfSyntaxError unless the text is a domain-spec of section 7.1."""
    if not DOMAIN_STRING.fullmatch(target):
        raise SpfSyntaxError(f"“{word}” holds a macro that does not exist")
    if not DOMAIN_END.fullmatch(target):
        raise SpfSyntaxError(f"“{word}”: {target or 'nothing'} is not a domain name")
