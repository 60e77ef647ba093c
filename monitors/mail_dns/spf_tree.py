"""Own the tree that an SPF record unfolds to: every include and redirect, with what each costs in DNS lookups."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from monitors.mail_dns.facts import Facts, how_it_failed, is_missing
from monitors.mail_dns.spf_record import SpfRecord, SpfSyntaxError, Term, is_spf, parse_spf
from monitors.resolver import Answer

LOOKUP_LIMIT = 10
VOID_LIMIT = 2
MX_NAMES_LIMIT = 10
"""Of one mx term (RFC 7208 section 4.6.4)."""
EXPANSION_LIMIT = 40
"""Records that we read of one tree. Beyond four times what receivers read, the verdict is certain."""


class Trouble(StrEnum):
    """Why a node has no terms of its own."""

    MISSING = "missing"
    SEVERAL = "several"
    SYNTAX = "syntax"
    UNKNOWN = "unknown"
    LOOP = "loop"
    TOO_LARGE = "too_large"


@dataclass(frozen=True, slots=True)
class Node:
    """One SPF record in the tree. `lookups` and `voids` count this record's terms and everything below it."""

    domain: str
    via: Term | None
    answer: Answer | None
    record: SpfRecord | None
    trouble: Trouble | None
    problem: str
    children: tuple[Node, ...] = ()
    void_terms: tuple[str, ...] = ()
    wide_mx: tuple[str, ...] = ()

    @property
    def lookups(self) -> int:
        own = sum(term.costs_lookup for term in self.counted_terms)
        return own + sum(child.lookups for child in self.children)

    @property
    def voids(self) -> int:
        return len(self.void_terms) + sum(child.voids for child in self.children)

    @property
    def counted_terms(self) -> tuple[Term, ...]:
        """Terms that can be reached: those after `all` never are (section 5.1), nor a redirect beside it."""
        if self.record is None:
            return ()
        reached: list[Term] = []
        for term in self.record.mechanisms:
            reached.append(term)
            if term.name == "all":
                return tuple(reached)
        return (*reached, *filter(None, [self.record.redirect]))

    def walk(self) -> list[Node]:
        return [self, *(found for child in self.children for found in child.walk())]

    def as_json(self) -> dict[str, Any]:
        return {
            "domain": self.domain,
            "via": self.via.text if self.via else None,
            "text": self.record.text if self.record else None,
            "terms": [term.text for term in self.record.terms] if self.record else [],
            "problem": self.problem,
            "lookups": self.lookups,
            "voids": self.voids,
            "children": [child.as_json() for child in self.children],
        }


def spf_records(answer: Answer) -> list[str]:
    return [text for text in answer.values if is_spf(text)]


def grow(facts: Facts, domain: str) -> Node:
    """The whole tree below a domain. Costs one question per record, and those of its a and mx terms."""
    return _Grower(facts).node(domain.lower().rstrip("."), None, ())


class _Grower:
    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._read = 0

    def node(self, domain: str, via: Term | None, path: tuple[str, ...]) -> Node:
        if domain in path:
            chain = " → ".join([*path[path.index(domain) :], domain])
            return Node(domain, via, None, None, Trouble.LOOP, f"the records include each other: {chain}")
        self._read += 1
        if self._read > EXPANSION_LIMIT:
            return Node(domain, via, None, None, Trouble.TOO_LARGE, f"more than {EXPANSION_LIMIT} records")
        answer = self._facts.dns(domain, "TXT")
        trouble, problem = _trouble(answer)
        if trouble is not None:
            return Node(domain, via, answer, None, trouble, problem)
        try:
            record = parse_spf(spf_records(answer)[0])
        except SpfSyntaxError as error:
            return Node(domain, via, answer, None, Trouble.SYNTAX, str(error))
        return self._unfold(domain, via, answer, record, (*path, domain))

    def _unfold(self, domain: str, via: Term | None, answer: Answer, record: SpfRecord, path: tuple[str, ...]) -> Node:
        bare = Node(domain, via, answer, record, None, "")
        children: list[Node] = []
        voids: list[str] = []
        wide: list[str] = []
        for term in bare.counted_terms:
            target = (term.target or domain).lower().rstrip(".")
            if "%" in target:
                continue
            if term.name in {"include", "redirect"}:
                child = self.node(target, term, path)
                children.append(child)
                if child.answer is not None and child.answer.status.is_void:
                    voids.append(term.text)
            elif self._is_void(term.name, target):
                voids.append(term.text)
            if term.name == "mx" and len(self._facts.dns(target, "MX").values) > MX_NAMES_LIMIT:
                wide.append(term.text)
        return Node(domain, via, answer, record, None, "", tuple(children), tuple(voids), tuple(wide))

    def _is_void(self, name: str, target: str) -> bool:
        """Whether a term's lookup finds nothing, whatever the family of the sender's address."""
        if name == "a":
            return is_missing(self._facts.addresses(target))
        if name == "mx":
            return self._facts.dns(target, "MX").status.is_void
        return name == "exists" and self._facts.dns(target, "A").status.is_void


def _trouble(answer: Answer) -> tuple[Trouble | None, str]:
    if not answer.is_known:
        return Trouble.UNKNOWN, how_it_failed(answer)
    found = spf_records(answer)
    if not found:
        return Trouble.MISSING, f"{answer.name} has no SPF record"
    if len(found) > 1:
        return Trouble.SEVERAL, f"{answer.name} has {len(found)} SPF records; receivers answer permerror"
    return None, ""
