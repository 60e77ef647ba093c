"""Own what an evaluation knows, and the list of what it would still need to know.

Evaluators are pure functions of `Facts`. Where a fact is missing they are given a placeholder that means
"nothing learnt", and the question is noted; whoever fetches answers the questions and judges again. So the
walk that fetches and the walk that judges are the same code, and cannot disagree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from monitors.resolver import Answer, Status


@dataclass(frozen=True, slots=True)
class DnsQuestion:
    """Ask the configured resolvers."""

    name: str
    rdtype: str


@dataclass(frozen=True, slots=True)
class ServerQuestion:
    """Ask one authoritative server itself, without recursion."""

    address: str
    name: str
    rdtype: str


@dataclass(frozen=True, slots=True)
class PolicyQuestion:
    """Fetch the MTA-STS policy of a domain over HTTPS from these addresses."""

    domain: str
    addresses: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class CertificateQuestion:
    """Read the certificates that a mail server shows after STARTTLS."""

    host: str
    addresses: tuple[str, ...]


Question = DnsQuestion | ServerQuestion | PolicyQuestion | CertificateQuestion


@dataclass(frozen=True, slots=True)
class Policy:
    """What the HTTPS fetch of a policy gave. `error` is set when there is no HTTP answer to speak of."""

    status: int | None = None
    content_type: str = ""
    body: str = ""
    error: str = ""
    is_certificate_error: bool = False


@dataclass(frozen=True, slots=True)
class Certificates:
    """The chain on the wire, leaf first, each as DER. Empty with `error` when it could not be read."""

    chain: tuple[bytes, ...] = ()
    error: str = ""


Fact = Answer | Policy | Certificates


class Source(Protocol):
    """Where facts come from: a mapping of answers, or a zone in a test."""

    def get(self, question: Question, /) -> Any: ...


class Facts:
    """What is known of one domain. Asking for what is not known notes the question in `wanted`."""

    def __init__(self, known: Source | Mapping[Question, Fact]) -> None:
        self._known = known
        self.wanted: dict[Question, None] = {}
        """Questions in the order in which they arose (a dict, because sets forget the order)."""

    def _get(self, question: Question) -> Any:
        fact = self._known.get(question)
        if fact is None:
            self.wanted[question] = None
        return fact

    def dns(self, name: str, rdtype: str) -> Answer:
        fact: Answer | None = self._get(DnsQuestion(name, rdtype))
        return fact or Answer(name, rdtype, Status.TIMEOUT, error="not asked yet")

    def server(self, address: str, name: str, rdtype: str) -> Answer:
        fact: Answer | None = self._get(ServerQuestion(address, name, rdtype))
        return fact or Answer(name, rdtype, Status.TIMEOUT, error="not asked yet")

    def policy(self, domain: str, addresses: tuple[str, ...]) -> Policy:
        fact: Policy | None = self._get(PolicyQuestion(domain, addresses))
        return fact or Policy(error="not fetched yet")

    def certificates(self, host: str, addresses: tuple[str, ...]) -> Certificates:
        fact: Certificates | None = self._get(CertificateQuestion(host, addresses))
        return fact or Certificates(error="not read yet")

    def addresses(self, name: str) -> tuple[Answer, Answer]:
        """The A and AAAA answers of a name."""
        return self.dns(name, "A"), self.dns(name, "AAAA")


def is_missing(answers: tuple[Answer, ...]) -> bool:
    """Every answer is known, and none holds a value."""
    return all(answer.is_known and not answer.values for answer in answers)


def how_it_failed(answer: Answer) -> str:
    """An answer that tells nothing, in words: who failed to say what, and how."""
    who = answer.server or "the resolver"
    how = {
        Status.TIMEOUT: "did not answer",
        Status.SERVFAIL: "answered SERVFAIL",
        Status.REFUSED: "refused the question",
        Status.LAME: "is not responsible for the zone",
        Status.UNREACHABLE: "cannot be reached",
        Status.MALFORMED: "answered nonsense",
    }.get(answer.status, f"answered {answer.rcode or 'an error'}")
    return f"{who} {how} about {answer.name} {answer.rdtype}" + (f" ({answer.error})" if answer.error else "")


def parents(name: str) -> Iterator[str]:
    """The name and each name above it, the top-level domain last."""
    labels = name.split(".")
    for at in range(len(labels)):
        yield ".".join(labels[at:])
