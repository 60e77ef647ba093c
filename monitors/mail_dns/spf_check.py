"""Own `check_host`: what a receiver concludes about one sending address (RFC 7208 section 4)."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass
from urllib.parse import quote

from monitors.mail_dns.facts import Facts
from monitors.mail_dns.spf_record import QUALIFIERS, SpfSyntaxError, Term, parse_spf
from monitors.mail_dns.spf_tree import LOOKUP_LIMIT, MX_NAMES_LIMIT, VOID_LIMIT, spf_records
from monitors.resolver import Answer

IpAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
MACRO = re.compile(r"%(?:\{([A-Za-z])([0-9]*)([rR]?)([-.+,/_=]*)\}|([%_-]))")
PTR_NAMES_LIMIT = 10


@dataclass(frozen=True, slots=True)
class Outcome:
    """A result of section 2.6 and what brought it about: the matching term, or the error."""

    result: str
    because: str


@dataclass(frozen=True, slots=True)
class Sender:
    """The identity that is checked: the MAIL FROM domain stands for the whole address (postmaster@, section 4.3)."""

    address: IpAddress
    domain: str
    helo: str


class _Ended(Exception):  # noqa: N818 - an outcome, not an error
    def __init__(self, result: str, because: str) -> None:
        super().__init__(because)
        self.outcome = Outcome(result, because)


def check_host(facts: Facts, address: str, domain: str, helo: str = "") -> Outcome:
    """What a receiver answers for mail from `address` with an envelope sender at `domain`."""
    sender = Sender(ipaddress.ip_address(address), domain, helo or domain)
    try:
        return _Check(facts, sender).run(domain)
    except _Ended as ended:
        return ended.outcome


class _Check:
    def __init__(self, facts: Facts, sender: Sender) -> None:
        self._facts = facts
        self._sender = sender
        self._lookups = 0
        self._voids = 0
        self._rdtype = "A" if sender.address.version == 4 else "AAAA"

    def run(self, domain: str) -> Outcome:
        answer = self._known(self._facts.dns(domain, "TXT"))
        found = spf_records(answer)
        if len(found) != 1:
            return Outcome("permerror" if found else "none", f"{domain} has {len(found) or 'no'} SPF records")
        try:
            record = parse_spf(found[0])
        except SpfSyntaxError as error:
            return Outcome("permerror", f"{domain}: {error}")
        for term in record.mechanisms:
            if self._matches(term, domain):
                return Outcome(QUALIFIERS[term.qualifier], f"{term.text} of {domain}")
        if record.redirect is None:
            return Outcome("neutral", f"no term of {domain} matches")
        return self._redirect(record.redirect, domain)

    def _redirect(self, term: Term, domain: str) -> Outcome:
        self._spend(term)
        outcome = self.run(self._expand(term.target, domain))
        return Outcome("permerror", f"{term.text}: {outcome.because}") if outcome.result == "none" else outcome

    def _matches(self, term: Term, domain: str) -> bool:
        if term.name == "all":
            return True
        if term.name in {"ip4", "ip6"}:
            return self._is_within(ipaddress.ip_network(term.target))
        self._spend(term)
        match_by_name = {
            "include": self._includes,
            "a": self._has_address,
            "mx": self._has_exchange,
            "exists": self._exists,
            "ptr": self._is_named,
        }
        return match_by_name[term.name](term, self._expand(term.target, domain) if term.target else domain)

    def _exists(self, _term: Term, target: str) -> bool:
        return bool(self._asked(target, "A").values)

    def _includes(self, term: Term, target: str) -> bool:
        """Section 5.2: a missing record below an include is a permerror of the whole."""
        outcome = self.run(target)
        if outcome.result in {"temperror", "permerror"}:
            raise _Ended(outcome.result, outcome.because)
        if outcome.result == "none":
            raise _Ended("permerror", f"{term.text}: {outcome.because}")
        return outcome.result == "pass"

    def _has_address(self, term: Term, target: str) -> bool:
        return self._any_within(self._asked(target, self._rdtype).values, term)

    def _has_exchange(self, term: Term, target: str) -> bool:
        exchanges = [value.split()[1] for value in self._asked(target, "MX").values]
        if len(exchanges) > MX_NAMES_LIMIT:
            raise _Ended("permerror", f"{term.text} has {len(exchanges)} exchanges")
        return any(
            self._any_within(self._known(self._facts.dns(name, self._rdtype)).values, term)
            for name in exchanges
            if name != "."
        )

    def _is_named(self, _term: Term, target: str) -> bool:
        """Section 5.5: a name of the address, confirmed forward, at or below the target. Errors match nothing."""
        pointer = self._facts.dns(self._sender.address.reverse_pointer, "PTR")
        for name in pointer.values[:PTR_NAMES_LIMIT]:
            if name != target and not name.endswith("." + target):
                continue
            if str(self._sender.address) in self._facts.dns(name, self._rdtype).values:
                return True
        return False

    def _any_within(self, addresses: tuple[str, ...], term: Term) -> bool:
        prefix = term.prefix4 if self._rdtype == "A" else term.prefix6
        return any(self._is_within(ipaddress.ip_network(f"{one}/{prefix}", strict=False)) for one in addresses)

    def _is_within(self, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
        return network.version == self._sender.address.version and self._sender.address in network

    def _spend(self, term: Term) -> None:
        self._lookups += 1
        if self._lookups > LOOKUP_LIMIT:
            raise _Ended("permerror", f"{term.text} would be DNS lookup {self._lookups}")

    def _asked(self, name: str, rdtype: str) -> Answer:
        answer = self._known(self._facts.dns(name, rdtype))
        if answer.status.is_void:
            self._voids += 1
            if self._voids > VOID_LIMIT:
                raise _Ended("permerror", f"{self._voids} lookups found nothing, {name} {rdtype} the last of them")
        return answer

    def _known(self, answer: Answer) -> Answer:
        if not answer.is_known:
            raise _Ended("temperror", f"{answer.name} {answer.rdtype}: {answer.status}")
        return answer

    def _expand(self, target: str, domain: str) -> str:
        """Section 7: macros replaced, then cut from the left to what DNS can carry (section 7.3)."""
        expanded = MACRO.sub(lambda match: self._macro(match, domain), target).rstrip(".").lower()
        while len(expanded) > 253:
            expanded = expanded.partition(".")[2]
        return expanded

    def _macro(self, match: re.Match[str], domain: str) -> str:
        letter, digits, reverse, delimiters, escaped = match.groups()
        if escaped:
            return {"%": "%", "_": " ", "-": "%20"}[escaped]
        value = self._value(letter.lower(), domain)
        parts = re.split(f"[{re.escape(delimiters or '.')}]", value)
        if reverse:
            parts.reverse()
        if digits and int(digits):
            parts = parts[-int(digits) :]
        joined = ".".join(parts)
        return quote(joined, safe="") if letter.isupper() else joined

    def _value(self, letter: str, domain: str) -> str:
        address = self._sender.address
        dotted = str(address) if address.version == 4 else ".".join(address.exploded.replace(":", ""))
        return {
            "s": f"postmaster@{self._sender.domain}",
            "l": "postmaster",
            "o": self._sender.domain,
            "d": domain,
            "i": dotted,
            "p": "unknown",
            "v": "in-addr" if address.version == 4 else "ip6",
            "h": self._sender.helo,
        }.get(letter, "unknown")
