"""Own the judgement on block lists: a list proves that it works before its word counts (RFC 5782)."""

from __future__ import annotations

import ipaddress

from monitors.mail_dns.facts import Facts, how_it_failed
from monitors.mail_dns.judgement import Judgement, Note, fail, ok, unknown
from monitors.mail_dns.options import DomainOptions
from monitors.resolver import Answer

REFUSALS = {
    "127.255.255.252": "the list's name is mistyped",
    "127.255.255.254": "public resolvers are refused",
    "127.255.255.255": "too many questions were asked",
}
"""What large lists answer instead of an error; read as listings they would accuse everyone."""
LISTED_NETWORK = ipaddress.ip_network("127.0.0.0/8")
RULE = "RFC 5782 section 5"


def judge_dnsbl(options: DomainOptions, facts: Facts) -> list[Judgement]:
    """One judgement per block list, over every sending address. Nothing is asked unless a list is configured."""
    return [judge_list(options, facts, zone) for zone in options.dnsbl]


def question_name(address: str, zone: str) -> str:
    """Octets or nibbles reversed before the list's name (section 2.1, 2.4)."""
    reverse = ipaddress.ip_address(address).reverse_pointer
    return f"{reverse.removesuffix('.in-addr.arpa').removesuffix('.ip6.arpa')}.{zone}"


def judge_list(options: DomainOptions, facts: Facts, zone: str) -> Judgement:
    broken = _self_test(facts, zone)
    answers = (
        {address: facts.dns(question_name(address, zone), "A") for address in options.egress} if broken is None else {}
    )
    notes = (
        [broken]
        if broken is not None
        else [note for item in answers.items() for note in _of_address(facts, zone, *item)]
    )
    if not notes:
        notes = [ok("dnsbl_clean", f"None of {len(answers)} sending addresses is listed at {zone}.", RULE)]
    values = tuple(f"{address} {value}" for address, answer in answers.items() for value in answer.values)
    is_learnt = broken is None and all(answer.is_known for answer in answers.values())
    return Judgement("dnsbl", zone, tuple(notes), values, is_learnt=is_learnt)


def _self_test(facts: Facts, zone: str) -> Note | None:
    """127.0.0.2 must be listed and 127.0.0.1 must not be (section 5): a dead list lists no one, or the world."""
    listed, clean = (facts.dns(question_name(address, zone), "A") for address in ("127.0.0.2", "127.0.0.1"))
    for answer in (listed, clean):
        if not answer.is_known:
            return unknown("dnsbl_unanswered", f"{zone}: {how_it_failed(answer)}.", RULE)
    refusal = _refusal(listed) or _refusal(clean)
    if refusal:
        return unknown("dnsbl_refused", f"{zone} refuses to tell: {refusal}.")
    if not _is_listed(listed):
        return unknown("dnsbl_dead", f"{zone} does not list its own test address, so its silence means nothing.", RULE)
    if _is_listed(clean):
        return unknown(
            "dnsbl_lists_all", f"{zone} lists an address that it must not, so its listings mean nothing.", RULE
        )
    return None


def _refusal(answer: Answer) -> str | None:
    return next((REFUSALS[value] for value in answer.values if value in REFUSALS), None)


def _is_listed(answer: Answer) -> bool:
    return any(ipaddress.ip_address(value) in LISTED_NETWORK for value in answer.values)


def _of_address(facts: Facts, zone: str, address: str, answer: Answer) -> list[Note]:
    if not answer.is_known:
        return [
            unknown("dnsbl_unanswered", f"Whether {zone} lists {address} is not known: {how_it_failed(answer)}.", RULE)
        ]
    refusal = _refusal(answer)
    if refusal:
        return [unknown("dnsbl_refused", f"{zone} refuses to tell: {refusal}.")]
    if not _is_listed(answer):
        return []
    why = facts.dns(answer.name, "TXT").values
    because = f": {why[0][:200]}" if why else ""
    return [fail("dnsbl_listed", f"{zone} lists {address} ({', '.join(answer.values)}){because}", RULE)]
