"""Own the judgement on name servers: each asked itself, all owning the zone, all saying the same (RFC 1034, 1982)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

from monitors.mail_dns.facts import Facts, how_it_failed, is_missing, parents
from monitors.mail_dns.judgement import Judgement, Note, fail, ok, unknown, warn
from monitors.mail_dns.options import DomainOptions
from monitors.resolver import Answer, Status

SERIAL_HALF = 1 << 31


@dataclass(frozen=True, slots=True)
class Asked:
    """One name server at one address: its SOA, and what it says of the records that matter."""

    host: str
    address: str
    soa: Answer
    answers: tuple[Answer, ...]

    @property
    def serial(self) -> int | None:
        return int(self.soa.values[0].split()[2]) if self.soa.values else None

    @property
    def is_silent(self) -> bool:
        return self.soa.status in {Status.TIMEOUT, Status.UNREACHABLE}

    @property
    def is_lame(self) -> bool:
        """It answers, but does not own the zone (RFC 1912 section 2.8)."""
        return not self.is_silent and not (self.soa.is_authoritative and self.soa.values)


def key_questions(options: DomainOptions) -> list[tuple[str, str]]:
    """The records that every server must agree on; those of names in other zones are theirs to answer."""
    name = options.name
    selectors = [(f"{one.selector.lower()}._domainkey.{name}", "TXT") for one in options.dkim]
    return [(name, "TXT"), (name, "MX"), (f"_dmarc.{name}", "TXT"), *selectors]


def zone_of(facts: Facts, name: str) -> tuple[str | None, Answer]:
    """(the closest name at or above that has name servers, the NS answer that decided)."""
    answer = facts.dns(name, "NS")
    for candidate in parents(name):
        answer = facts.dns(candidate, "NS")
        if answer.values and not answer.aliases:
            return candidate, answer
        if not answer.is_known:
            return None, answer
    return None, answer


def judge_ns(options: DomainOptions, facts: Facts) -> list[Judgement]:
    """One judgement on the zone; none where the resolver shows no name server at all, as one of a test zone may."""
    zone, answer = zone_of(facts, options.name)
    if zone is None or "." not in zone:
        return _without_zone(options, facts, answer)
    servers = {host: facts.addresses(host) for host in answer.values}
    asked = [
        _ask(options, facts, zone, host, address)
        for host, answers in servers.items()
        for found in answers
        for address in found.values
    ]
    notes = [*_of_hosts(servers), *_of_each(zone, asked), *_of_all(zone, asked), *_of_number(answer, asked)]
    if not notes:
        notes = [
            ok(
                "ns_ok",
                f"Every server of {zone} ({len(asked)} asked) owns it, and all say the same.",
                "RFC 1034 section 4.2",
            )
        ]
    words = tuple(f"{one.host} ({one.address}): {_in_words(one)}." for one in asked)
    return [
        Judgement(
            "ns", zone, tuple(notes), answer.values, words, answer.ttl_s, answer.server,
            detail={"agreed": _agreed(asked), "serials": {one.address: one.serial for one in asked}},
        )
    ]  # fmt: skip


def _without_zone(options: DomainOptions, facts: Facts, answer: Answer) -> list[Judgement]:
    if not answer.is_known:
        note = unknown("ns_unanswered", f"The name servers of {options.name} are not known: {how_it_failed(answer)}.")
    elif facts.dns(options.name, "NS").status is Status.NXDOMAIN:
        note = fail("ns_no_domain", f"{options.name} does not exist in DNS.", "RFC 1034 section 4.3.2")
    else:
        return []
    return [
        Judgement(
            "ns",
            options.name,
            (note,),
            ttl_s=answer.ttl_s,
            server=answer.server,
            is_published=False,
            is_learnt=answer.is_known,
        )
    ]


def _ask(options: DomainOptions, facts: Facts, zone: str, host: str, address: str) -> Asked:
    soa = facts.server(address, zone, "SOA")
    # A server that is silent or lame about SOA would only cost more waiting.
    wanted = key_questions(options) if soa.values else []
    return Asked(host, address, soa, tuple(facts.server(address, name, rdtype) for name, rdtype in wanted))


def _of_hosts(servers: dict[str, tuple[Answer, Answer]]) -> Iterator[Note]:
    for host, answers in servers.items():
        if any(answer.values for answer in answers):
            continue
        if is_missing(answers):
            yield fail("ns_no_address", f"Name server {host} has no address.", "RFC 1912 section 2.8")
        else:
            unclear = next(answer for answer in answers if not answer.is_known)
            yield unknown("ns_host_unanswered", f"The address of {host} is not known: {how_it_failed(unclear)}.")


def _of_each(zone: str, asked: list[Asked]) -> Iterator[Note]:
    if asked and all(one.is_silent for one in asked):
        # When not one answers, the fault may as well be our own network.
        yield unknown(
            "ns_all_silent", f"None of the {len(asked)} name servers of {zone} answers us.", "RFC 2182 section 3.1"
        )
        return
    for one in asked:
        if one.is_silent:
            yield fail(
                "ns_silent",
                f"{one.host} ({one.address}) does not answer: {one.soa.error or one.soa.status}.",
                "RFC 2182 section 3.1",
            )
        elif one.is_lame:
            yield fail(
                "ns_lame",
                f"{one.host} ({one.address}) is lame: it does not own {zone} ({_how_lame(one)}).",
                "RFC 1912 section 2.8",
            )


def _how_lame(one: Asked) -> str:
    return "its answer is not authoritative" if one.soa.values else f"it says {one.soa.rcode or one.soa.status}"


def newest(serials: list[int]) -> int:
    """The newest of serial numbers that wrap around (RFC 1982 section 3.2)."""
    best = serials[0]
    for serial in serials[1:]:
        if 0 < (serial - best) % (2 * SERIAL_HALF) < SERIAL_HALF:
            best = serial
    return best


def _of_all(zone: str, asked: list[Asked]) -> Iterator[Note]:
    serials = [one.serial for one in asked if one.serial is not None and not one.is_lame]
    if len(set(serials)) > 1:
        latest = newest(serials)
        behind = [f"{one.host} ({one.serial})" for one in asked if one.serial not in {None, latest}]
        yield warn("ns_serials_differ", f"{', '.join(behind)} is behind serial {latest}.", "RFC 1982")
    # A secondary that lags behind says other things for a while after every change: that alone is no failure.
    note, why = (warn, " while one lags behind") if len(set(serials)) > 1 else (fail, "")
    for question, distinct in _disagreements(asked):
        yield note(
            "ns_answers_differ",
            f"The name servers of {zone} give {distinct} different answers for {question}{why}.",
            "RFC 1034 section 4.3.5",
        )


def _disagreements(asked: list[Asked]) -> Iterator[tuple[str, int]]:
    by_question: dict[str, set[tuple[str, ...]]] = {}
    for one in asked:
        for answer in one.answers:
            if answer.is_known:
                by_question.setdefault(f"{answer.name} {answer.rdtype}", set()).add((*answer.values, *answer.aliases))
    return ((question, len(given)) for question, given in by_question.items() if len(given) > 1)


def _agreed(asked: list[Asked]) -> dict[str, list[str]]:
    """What every server says alike, by question: a change seen here is no passing difference between them."""
    if not asked or not all(one.answers and all(answer.is_known for answer in one.answers) for one in asked):
        return {}
    differing = {question for question, _ in _disagreements(asked)}
    said = {f"{answer.name} {answer.rdtype}": list(answer.values) for answer in asked[0].answers}
    return {question: values for question, values in said.items() if question not in differing}


def _of_number(answer: Answer, asked: list[Asked]) -> Iterator[Note]:
    addresses = [ipaddress.ip_address(one.address) for one in asked]
    if not addresses or any(address.is_loopback for address in addresses):
        return
    if len(answer.values) < 2:
        yield warn("ns_single", "There is only one name server.", "RFC 1034 section 4.1")
    networks = {ipaddress.ip_network(f"{one}/{24 if one.version == 4 else 48}", strict=False) for one in addresses}
    if len(networks) == 1 and len(answer.values) > 1:
        yield warn(
            "ns_one_network", f"All name servers are in {networks.pop()}: they fail together.", "RFC 2182 section 3.1"
        )


def _in_words(one: Asked) -> str:
    if one.is_silent:
        return "silent"
    return "lame" if one.is_lame else f"serial {one.serial}"
