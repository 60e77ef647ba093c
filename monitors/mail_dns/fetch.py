"""Own the fetching of facts: answer what the evaluators ask, judge again, until nothing more is wanted."""

from __future__ import annotations

import asyncio
import ssl
import time
from dataclasses import dataclass
from itertools import islice

from monitors.certificates import client_context
from monitors.mail_dns.certificate_read import read_certificates
from monitors.mail_dns.facts import (
    CertificateQuestion,
    DnsQuestion,
    Fact,
    Facts,
    PolicyQuestion,
    Question,
    ServerQuestion,
)
from monitors.mail_dns.judgement import Judgement
from monitors.mail_dns.judging import EVALUATORS
from monitors.mail_dns.options import DomainOptions
from monitors.mail_dns.policy_fetch import fetch_policy
from monitors.resolver import Answer, DnsNameError, Endpoint, Lookups, Status, answer_of, ask, system_servers

ROUNDS_LIMIT = 60
"""Each round reaches one step deeper; ten includes below each other with their targets stay far below this."""
QUESTIONS_LIMIT = 600
"""Of one evaluation: a hostile tree must not make us a tool of its author."""
QUESTIONS_OF_A_ROUND = 100
"""Of one record in one round: a record that asks for thousands must not use up what the others need."""
DIRECT_TIMEOUT_S = 2.0
"""For one authoritative server: a healthy one answers within a tenth of this from the other side of the Earth."""
FETCH_TIMEOUT_S = 8.0
"""For a policy or a certificate: a page and a greeting, each of which may be delayed on purpose."""


@dataclass(frozen=True, slots=True)
class Evaluation:
    """One domain, judged once. `questions` counts what was asked."""

    judgements: tuple[Judgement, ...]
    questions: int
    took_ms: float


async def evaluate(options: DomainOptions, timeout_s: float) -> Evaluation:
    """Judge a domain within the time. Never raises for what the network does: what stays unanswered is unknown."""
    started = time.monotonic()
    fetcher = Fetcher(options, timeout_s)
    known: dict[Question, Fact] = {}
    judged: dict[str, list[Judgement]] = {}
    open_records = [record for record in EVALUATORS if record not in options.skip]
    for _ in range(ROUNDS_LIMIT):
        wanted: dict[Question, None] = {}
        for record in tuple(open_records):
            facts = Facts(known)
            judged[record] = EVALUATORS[record](options, facts)
            wanted |= dict(islice(facts.wanted.items(), QUESTIONS_OF_A_ROUND))
            if not facts.wanted:
                open_records.remove(record)
        if not wanted or len(known) > QUESTIONS_LIMIT or fetcher.is_late:
            break
        known |= await fetcher.answer(tuple(wanted))
    judgements = tuple(one for record in EVALUATORS for one in judged.get(record, []))
    return Evaluation(judgements, len(known), (time.monotonic() - started) * 1000)


def tls_of(options: DomainOptions) -> ssl.SSLContext | None:
    """How to check a resolver that is asked over TLS; None for one that is not. Raises OSError, ssl.SSLError."""
    if options.resolver is None or options.resolver.tls_name is None:
        return None
    return client_context(options.resolver.ca)


class Fetcher:
    """The I/O of one evaluation, all of it under one deadline."""

    def __init__(self, options: DomainOptions, timeout_s: float) -> None:
        self._options = options
        self._ends_at = time.monotonic() + timeout_s
        servers = options.resolver.endpoints() if options.resolver else system_servers()
        self._lookups = Lookups(servers, timeout_s, tls_of(options)) if servers else None
        self._direct_port = options.ns_port or (servers[0].port if servers else 53)

    @property
    def is_late(self) -> bool:
        return time.monotonic() >= self._ends_at

    def _left_s(self, most_s: float) -> float:
        return max(0.001, min(most_s, self._ends_at - time.monotonic()))

    async def answer(self, questions: tuple[Question, ...]) -> dict[Question, Fact]:
        answers = await asyncio.gather(*map(self._fetch, questions))
        return dict(zip(questions, answers, strict=True))

    async def _fetch(self, question: Question) -> Fact:
        match question:
            case DnsQuestion(name, rdtype):
                if self._lookups is None:
                    return Answer(name, rdtype, Status.UNREACHABLE, error="no DNS server is configured")
                return await self._lookups.look_up(name, rdtype)
            case ServerQuestion():
                return await self._ask_server(question)
            case PolicyQuestion():
                return await fetch_policy(
                    question, self._options.https_port, self._options.ca, self._left_s(FETCH_TIMEOUT_S)
                )
            case CertificateQuestion():
                return await read_certificates(question, self._options.smtp_port, self._left_s(FETCH_TIMEOUT_S))

    async def _ask_server(self, question: ServerQuestion) -> Answer:
        """Port 53, except for name servers on loopback: those can only be a test platform on the resolver's port."""
        is_local = question.address.startswith("127.") or question.address == "::1"
        port = self._options.ns_port or (self._direct_port if is_local else 53)
        endpoint = Endpoint(question.address, port)
        try:
            reply = await ask(
                endpoint, question.name, question.rdtype, timeout_s=self._left_s(DIRECT_TIMEOUT_S), recursion=False
            )
        except DnsNameError as error:
            return Answer(question.name, question.rdtype, Status.NXDOMAIN, error=str(error))
        return answer_of(reply, question.name, question.rdtype)
