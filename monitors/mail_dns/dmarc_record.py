"""Own the reading of DMARC records: tags, effective values, report addresses (RFC 9989 sections 4.7 and 4.8)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from monitors.mail_dns.tags import TagList, parse_tags

POLICIES = ("none", "quarantine", "reject")
STRENGTH = {policy: strength for strength, policy in enumerate(POLICIES)}
REMOVED_TAGS = ("pct", "rf", "ri")
KNOWN_TAGS = {"v", "p", "sp", "np", "t", "psd", "adkim", "aspf", "fo", "rua", "ruf", *REMOVED_TAGS}
VERSION = re.compile(r"[vV][ \t]*=[ \t]*DMARC1[ \t]*(?:;|$)")
FAILURE_OPTIONS = {"0", "1", "d", "s", "d:s", "s:d"}
MAILTO = re.compile(r"[!#-'*+./0-9=?A-Z^_`a-z{|}~%-]+@(?P<domain>[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)(?:\?.*)?")
URI = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):(?P<rest>[^\s,!]+)")
SIZE_SUFFIX = re.compile(r"!\d+[kmgt]?$", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class ReportUri:
    """One address of `rua` or `ruf`. `domain` is None for what is not mail; `problem` says why it is no use."""

    text: str
    domain: str | None
    problem: str = ""
    has_size: bool = False


@dataclass(frozen=True, slots=True)
class DmarcRecord:
    """A record as receivers apply it. `policy` and its sisters are None where the tag is absent or invalid."""

    text: str
    tags: TagList

    def choice(self, tag: str, allowed: tuple[str, ...]) -> str | None:
        value = (self.tags.get(tag) or "").lower()
        return value if value in allowed else None

    @property
    def policy(self) -> str | None:
        return self.choice("p", POLICIES)

    @property
    def invalid_policies(self) -> tuple[str, ...]:
        """Of p, sp and np, those that are there and mean nothing."""
        return tuple(
            tag for tag in ("p", "sp", "np") if self.tags.get(tag) is not None and not self.choice(tag, POLICIES)
        )

    @property
    def is_broken(self) -> bool:
        """No valid p, or an invalid sp or np: receivers see p=none, or nothing at all (section 4.10.1)."""
        return self.policy is None or bool(self.invalid_policies)

    @property
    def has_report_address(self) -> bool:
        return any(not uri.problem for uri in self.report_uris("rua"))

    @property
    def is_applied(self) -> bool:
        return not self.is_broken or self.has_report_address

    @property
    def is_testing(self) -> bool:
        return self.choice("t", ("y", "n")) == "y"

    @property
    def psd(self) -> str:
        return self.choice("psd", ("y", "n", "u")) or "u"

    def alignment(self, tag: str) -> str:
        return "strict" if self.choice(tag, ("r", "s")) == "s" else "relaxed"

    def asked_for(self, kind: str) -> tuple[str | None, str]:
        """(policy, tag) for the `domain` itself, an `existing` subdomain, or a `missing` one; before `t` counts."""
        if self.is_broken:
            return ("none", "rua") if self.has_report_address else (None, "")
        order = {"domain": ("p",), "existing": ("sp", "p"), "missing": ("np", "sp", "p")}[kind]
        tag = next(tag for tag in order if self.choice(tag, POLICIES))
        return self.choice(tag, POLICIES), tag

    def report_uris(self, tag: str) -> tuple[ReportUri, ...]:
        value = self.tags.get(tag)
        return tuple(map(read_uri, value.split(","))) if value is not None else ()


def read_uri(text: str) -> ReportUri:
    """Section 4.7; a size after `!` is of RFC 7489 and is ignored now."""
    text = text.strip()
    bare = SIZE_SUFFIX.sub("", text)
    match = URI.fullmatch(bare)
    if match is None:
        return ReportUri(text, None, "is not a URI" if text else "is empty")
    if match["scheme"].lower() != "mailto":
        return ReportUri(text, None, has_size=bare != text)
    mail = MAILTO.fullmatch(match["rest"])
    if mail is None:
        return ReportUri(text, None, "is not a mail address")
    return ReportUri(text, mail["domain"].lower(), has_size=bare != text)


def is_dmarc(text: str) -> bool:
    """Whether a TXT record is a DMARC record: `v` first, its value exactly DMARC1 (section 4.7)."""
    return VERSION.match(text) is not None


def parse_dmarc(text: str) -> DmarcRecord:
    return DmarcRecord(text, parse_tags(text))


def lowered(policy: str) -> str:
    """One level below, as `t=y` asks (section 4.7)."""
    return POLICIES[max(0, STRENGTH[policy] - 1)]
