"""Own the judgement on reverse names: each sending address has a name that leads back to it (RFC 8601, RFC 1912)."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterator

from monitors.mail_dns.facts import Facts, how_it_failed
from monitors.mail_dns.judgement import Judgement, Note, fail, ok, unknown, warn
from monitors.mail_dns.options import DomainOptions
from monitors.resolver import Answer

NAMES_CHECKED = 10
"""Receivers look at the first few names only (RFC 7208 section 4.6.4 says ten)."""
GENERIC = re.compile(r"(?:^|[.-])(?:dyn|dynamic|dhcp|pool|dsl|ppp|client|cust)(?:[.\d-]|$)")


def judge_ptr(options: DomainOptions, facts: Facts) -> list[Judgement]:
    """One judgement per sending address and one per EHLO name; none where none is configured."""
    return [
        *(judge_address(options, facts, address) for address in options.egress),
        *(judge_ehlo(options, facts, name) for name in options.ehlo if options.egress),
    ]


def judge_address(options: DomainOptions, facts: Facts, address: str) -> Judgement:
    pointer = facts.dns(ipaddress.ip_address(address).reverse_pointer, "PTR")
    confirmed, unclear = confirm(facts, address, pointer)
    notes = list(_notes(options, address, pointer, confirmed, unclear))
    if not notes:
        sentence = f"{address} is named {confirmed[0]}, and that name leads back to it."
        notes = [ok("ptr_ok", sentence, "RFC 8601 section 2.7.3")]
    words = tuple(f"{address} is called {name}." for name in pointer.values)
    return Judgement(
        "ptr", address, tuple(notes), pointer.values, words, pointer.ttl_s, pointer.server,
        is_learnt=pointer.is_known,
    )  # fmt: skip


def confirm(facts: Facts, address: str, pointer: Answer) -> tuple[list[str], list[Answer]]:
    """(names that lead back to the address, forward answers that are not known)."""
    rdtype = "A" if ipaddress.ip_address(address).version == 4 else "AAAA"
    forward = [(name, facts.dns(name, rdtype)) for name in pointer.values[:NAMES_CHECKED]]
    confirmed = [name for name, answer in forward if address in answer.values]
    return confirmed, [answer for _, answer in forward if not answer.is_known]


def _notes(
    options: DomainOptions, address: str, pointer: Answer, confirmed: list[str], unclear: list[Answer]
) -> Iterator[Note]:
    rule = "RFC 8601 section 2.7.3"
    if not pointer.is_known:
        yield unknown("ptr_unanswered", f"The name of {address} is not known: {how_it_failed(pointer)}.")
        return
    if not pointer.values:
        yield fail(
            "ptr_missing", f"{address} has no name (PTR): large receivers refuse its mail.", "RFC 1912 section 2.1"
        )
        return
    if not confirmed and unclear:
        yield unknown("ptr_forward_unanswered", f"{address}: {how_it_failed(unclear[0])}.", rule)
        return
    if not confirmed:
        names = ", ".join(pointer.values[:3])
        yield fail("ptr_not_confirmed", f"{address} is named {names}, which does not lead back to it.", rule)
        return
    if len(pointer.values) > 1:
        yield warn(
            "ptr_several",
            f"{address} has {len(pointer.values)} names; receivers pick any of them.",
            "RFC 1912 section 2.1",
        )
    if options.ehlo and not set(confirmed) & set(options.ehlo):
        said = ", ".join(options.ehlo)
        yield warn(
            "ptr_not_ehlo", f"{address} is named {confirmed[0]}, but greets as {said}.", "RFC 5321 section 4.1.4"
        )
    if looks_generic(confirmed[0], address):
        yield warn("ptr_generic", f"{confirmed[0]} looks like an address given out at random; receivers distrust it.")


def looks_generic(name: str, address: str) -> bool:
    """Whether a name is made from the address or calls itself dynamic."""
    if ":" in address:
        return GENERIC.search(name) is not None
    octets = address.split(".")
    digits = re.findall(r"\d+", name)
    return all(octet in digits for octet in octets) or "".join(octets) in digits or GENERIC.search(name) is not None


def judge_ehlo(options: DomainOptions, facts: Facts, name: str) -> Judgement:
    answers = facts.addresses(name)
    found = tuple(value for answer in answers for value in answer.values)
    notes: list[Note] = []
    if set(found) & set(options.egress):
        notes = [ok("ehlo_ok", f"The greeting {name} leads to a sending address.", "RFC 5321 section 4.1.1.1")]
    elif not all(answer.is_known for answer in answers):
        unclear = next(answer for answer in answers if not answer.is_known)
        notes = [unknown("ehlo_unanswered", f"Where {name} leads is not known: {how_it_failed(unclear)}.")]
    elif found:
        notes = [
            warn(
                "ehlo_elsewhere",
                f"The greeting {name} leads to {', '.join(found)}, which sends no mail here.",
                "RFC 5321 section 4.1.1.1",
            )
        ]
    else:
        notes = [
            fail(
                "ehlo_unresolvable",
                f"The greeting {name} has no address; receivers may refuse the session.",
                "RFC 5321 section 4.1.1.1",
            )
        ]
    return Judgement(
        "ptr", name, tuple(notes), found, (f"Our servers greet as {name}.",), answers[0].ttl_s, answers[0].server,
        is_learnt=all(answer.is_known for answer in answers),
    )  # fmt: skip
