"""Own the judgement on MX: mail finds a server, and the servers are the ones expected (RFC 5321 section 5.1)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from dataclasses import dataclass

from monitors.mail_dns.facts import Facts, how_it_failed, is_missing
from monitors.mail_dns.judgement import Judgement, Note, fail, ok, unknown, warn
from monitors.mail_dns.options import DomainOptions
from monitors.resolver import Answer


@dataclass(frozen=True, slots=True)
class Exchange:
    preference: int
    host: str


def exchanges(answer: Answer) -> tuple[Exchange, ...]:
    """The mail servers of an MX answer, the preferred first."""
    pairs = (value.split(None, 1) for value in answer.values)
    return tuple(sorted((Exchange(int(p), h.strip()) for p, h in pairs), key=lambda one: (one.preference, one.host)))


def is_null(found: tuple[Exchange, ...]) -> bool:
    """RFC 7505: one MX whose host is the root says that the domain takes no mail."""
    return len(found) == 1 and found[0].host in {".", ""}


def judge_mx(options: DomainOptions, facts: Facts) -> list[Judgement]:
    answer = facts.dns(options.name, "MX")
    found = exchanges(answer)
    notes = list(_notes(options, facts, answer, found))
    if not notes:
        notes = [ok("mx_ok", _summary(found), "RFC 5321 section 5.1")]
    return [
        Judgement(
            "mx", options.name, tuple(notes), values=tuple(f"{one.preference} {one.host}" for one in found),
            words=tuple(_in_words(options, facts, found)), ttl_s=answer.ttl_s, server=answer.server,
            is_published=bool(found), is_learnt=answer.is_known,
        )
    ]  # fmt: skip


def _summary(found: tuple[Exchange, ...]) -> str:
    if is_null(found):
        return "The domain says that it takes no mail (null MX)."
    if not found:
        return "The domain has no mail servers, and is configured to take no mail."
    return f"{len(found)} mail server{'s' if len(found) > 1 else ''}, each with an address."


def _notes(options: DomainOptions, facts: Facts, answer: Answer, found: tuple[Exchange, ...]) -> Iterator[Note]:
    if not answer.is_known:
        yield unknown(
            "mx_unanswered", f"Nothing is known of the mail servers of {options.name}: {how_it_failed(answer)}."
        )
        return
    if not found:
        yield from _of_absence(options, facts)
        return
    if is_null(found):
        if options.receives:
            yield fail("mx_null", f"{options.name} has a null MX: nobody can send mail to it.", "RFC 7505 section 3")
        return
    for one in found:
        yield from _of_host(one.host, facts)
    yield from _of_expected(options, {one.host for one in found})


def _of_absence(options: DomainOptions, facts: Facts) -> Iterator[Note]:
    if not options.receives:
        return
    addresses = facts.addresses(options.name)
    if any(one.values for one in addresses):
        yield warn(
            "mx_implicit",
            f"{options.name} has no MX; senders fall back to its address, some refuse to.",
            "RFC 5321 section 5.1",
        )
    elif is_missing(addresses):
        yield fail(
            "mx_missing", f"{options.name} has no MX and no address: mail to it bounces.", "RFC 5321 section 5.1"
        )
    else:
        unclear = next(one for one in addresses if not one.is_known)
        yield unknown("mx_unanswered", f"{options.name} has no MX, and {how_it_failed(unclear)}.")


def _of_host(host: str, facts: Facts) -> Iterator[Note]:
    if host in {".", ""}:
        yield fail(
            "mx_null_and_others", "A null MX stands beside other mail servers, which must not be.", "RFC 7505 section 3"
        )
        return
    if _is_address(host):
        yield fail("mx_is_address", f"MX {host} is an address; it must be a name.", "RFC 5321 section 5.1")
        return
    addresses = facts.addresses(host)
    if any(one.aliases for one in addresses):
        yield warn("mx_alias", f"MX {host} is an alias (CNAME), which some senders refuse.", "RFC 2181 section 10.3")
    if any(one.values for one in addresses):
        return
    if is_missing(addresses):
        yield fail("mx_no_address", f"MX {host} has no address: mail for it waits or bounces.", "RFC 5321 section 5.1")
    else:
        unclear = next(one for one in addresses if not one.is_known)
        yield unknown("mx_host_unanswered", f"The address of MX {host} is not known: {how_it_failed(unclear)}.")


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _of_expected(options: DomainOptions, hosts: set[str]) -> Iterator[Note]:
    expected = set(options.mx)
    if not expected:
        return
    if not hosts & expected:
        yield fail("mx_other", f"Mail goes to {', '.join(sorted(hosts))}; none of the expected servers is among them.")
        return
    missing, strange = sorted(expected - hosts), sorted(hosts - expected)
    if missing:
        yield warn("mx_less", f"{', '.join(missing)} is expected as MX and is not published.")
    if strange:
        yield warn("mx_more", f"{', '.join(strange)} is published as MX and is not expected.")


def _in_words(options: DomainOptions, facts: Facts, found: tuple[Exchange, ...]) -> Iterator[str]:
    if is_null(found):
        yield f"{options.name} takes no mail."
        return
    for one in found:
        addresses = ", ".join(value for answer in facts.addresses(one.host) for value in answer.values)
        yield f"Mail goes to {one.host} (preference {one.preference}), at {addresses or 'no known address'}."
    if len(found) == 1:
        yield "It is the only mail server: while it is down, mail waits at the senders."
