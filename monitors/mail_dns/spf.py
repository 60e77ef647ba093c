"""Own the judgement on SPF: one record, a tree that receivers can afford, and our own addresses passing (RFC 7208)."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator

from monitors.mail_dns.facts import Facts
from monitors.mail_dns.judgement import Judgement, Note, fail, ok, unknown, warn
from monitors.mail_dns.options import DomainOptions
from monitors.mail_dns.spf_check import Outcome, check_host
from monitors.mail_dns.spf_record import QUALIFIERS, Term
from monitors.mail_dns.spf_tree import LOOKUP_LIMIT, VOID_LIMIT, Node, Trouble, grow, spf_records
from monitors.resolver import Answer

MANY_LOOKUPS = 8
LONG_RECORD_BYTES = 450
"""What fits a 512-byte answer beside the question (section 3.4)."""
WIDE_PREFIX4, WIDE_PREFIX6 = 16, 32
"""Networks wider than this hold strangers."""

ALL_IN_WORDS = {
    "-": "Everyone else fails.",
    "~": "Everyone else is suspect (softfail).",
    "?": "Nothing is said about anyone else (neutral).",
    "+": "Anyone at all passes.",
}
TERM_IN_WORDS = {
    "include": "whoever {target} lets pass",
    "a": "the addresses of {target}",
    "mx": "the mail servers of {target}",
    "ptr": "addresses named below {target} (costly and unreliable)",
    "ip4": "{target}",
    "ip6": "{target}",
    "exists": "addresses for which {target} exists",
}


def judge_spf(options: DomainOptions, facts: Facts) -> list[Judgement]:
    """One judgement per envelope domain; the domain itself where none is configured."""
    return [judge_one(options, facts, domain) for domain in options.envelope or (options.name,)]


def judge_one(options: DomainOptions, facts: Facts, domain: str) -> Judgement:
    tree = grow(facts, domain)
    outcomes = {
        address: check_host(facts, address, domain, options.ehlo[0] if options.ehlo else "")
        for address in options.egress
    }
    notes = [*_of_tree(tree), *_of_egress(tree, outcomes), *_of_type99(facts.dns(domain, "SPF"))]
    if not notes:
        notes = [ok("spf_ok", _summary(tree, outcomes), "RFC 7208 section 4")]
    answer = tree.answer or facts.dns(domain, "TXT")
    return Judgement(
        "spf",
        domain,
        tuple(notes),
        values=tuple(spf_records(answer)),
        words=tuple(in_words(tree)),
        ttl_s=answer.ttl_s,
        server=answer.server,
        is_learnt=answer.is_known,
        is_published=bool(spf_records(answer)),
        detail={
            "tree": tree.as_json(),
            "lookups": tree.lookups,
            "voids": tree.voids,
            "egress": {address: {"result": one.result, "because": one.because} for address, one in outcomes.items()},
        },
    )


def _summary(tree: Node, outcomes: dict[str, Outcome]) -> str:
    passing = ""
    if outcomes:
        passing = (
            f"; all {len(outcomes)} sending addresses pass" if len(outcomes) > 1 else "; our sending address passes"
        )
    return f"One valid record, {tree.lookups} of {LOOKUP_LIMIT} DNS lookups used{passing}."


def _of_tree(tree: Node) -> Iterator[Note]:
    if tree.record is None:
        yield _of_root(tree)
        return
    for node in tree.walk()[1:]:
        yield from _of_branch(node)
    yield from _of_cost(tree)
    yield from _of_all(tree)
    for node in tree.walk():
        yield from _of_terms(node)
    if len(tree.record.text.encode()) > LONG_RECORD_BYTES:
        size = len(tree.record.text.encode())
        yield warn(
            "spf_long",
            f"The record is {size} bytes long; above {LONG_RECORD_BYTES} some resolvers cut it.",
            "RFC 7208 section 3.4",
        )


def _of_root(tree: Node) -> Note:
    domain = tree.domain
    match tree.trouble:
        case Trouble.UNKNOWN:
            return unknown("spf_unanswered", f"Nothing is known of SPF at {domain}: {tree.problem}.")
        case Trouble.SEVERAL:
            return fail("spf_several", f"{tree.problem}.", "RFC 7208 section 4.5")
        case Trouble.SYNTAX:
            return fail("spf_syntax", f"The SPF record of {domain} is invalid: {tree.problem}.", "RFC 7208 section 4.6")
        case _:
            return fail("spf_missing", f"{domain} has no SPF record.", "RFC 7208 section 4.5")


def _of_branch(node: Node) -> Iterator[Note]:
    term = node.via.text if node.via else node.domain
    match node.trouble:
        case Trouble.UNKNOWN:
            yield unknown("spf_include_unanswered", f"{term}: {node.problem}.")
        case Trouble.MISSING:
            rule = "RFC 7208 section 6.1" if node.via and node.via.is_modifier else "RFC 7208 section 5.2"
            yield fail("spf_include_missing", f"{term}: {node.problem}, which is a permerror for all mail.", rule)
        case Trouble.SEVERAL:
            yield fail("spf_include_several", f"{term}: {node.problem}.", "RFC 7208 section 4.5")
        case Trouble.SYNTAX:
            yield fail(
                "spf_include_syntax",
                f"{term}: the record of {node.domain} is invalid: {node.problem}.",
                "RFC 7208 section 4.6",
            )
        case Trouble.LOOP:
            yield fail("spf_loop", f"{term}: {node.problem}.", "RFC 7208 section 4.6.4")


def _of_cost(tree: Node) -> Iterator[Note]:
    rule = "RFC 7208 section 4.6.4"
    if tree.lookups > LOOKUP_LIMIT:
        yield fail(
            "spf_too_many_lookups",
            f"The record costs {tree.lookups} DNS lookups; receivers stop at {LOOKUP_LIMIT} with permerror.",
            rule,
        )
    elif tree.lookups >= MANY_LOOKUPS:
        yield warn(
            "spf_many_lookups",
            f"The record costs {tree.lookups} of the {LOOKUP_LIMIT} DNS lookups; one more include may break it.",
            rule,
        )
    if tree.voids > VOID_LIMIT:
        terms = ", ".join(term for node in tree.walk() for term in node.void_terms)
        yield fail(
            "spf_too_many_voids",
            f"{tree.voids} lookups find nothing ({terms}); receivers stop after {VOID_LIMIT} with permerror.",
            rule,
        )
    for node in tree.walk():
        for term in node.wide_mx:
            yield fail(
                "spf_mx_too_wide", f"{term} of {node.domain} has more than 10 mail servers, which is a permerror.", rule
            )


def _of_all(tree: Node) -> Iterator[Note]:
    """What the record says of everyone else. A redirect speaks with the target's voice (section 6.1)."""
    voice = tree
    while voice.record is not None and voice.record.redirect is not None:
        below = [child for child in voice.children if child.via is voice.record.redirect]
        if not below:
            return
        voice = below[0]
    if voice.record is None:
        return
    final = voice.record.all_term
    if final is None:
        yield warn(
            "spf_no_all",
            f"The record of {voice.domain} ends without “all”: nothing is said of strangers.",
            "RFC 7208 section 5.1",
        )
    elif final.qualifier == "+":
        yield fail(
            "spf_plus_all",
            f"{final.text} of {voice.domain} lets everyone on the Internet pass.",
            "RFC 7208 section 5.1",
        )
    elif final.qualifier == "?":
        yield warn(
            "spf_neutral_all", f"{final.text} of {voice.domain} says nothing of strangers.", "RFC 7208 section 8.2"
        )


def _of_terms(node: Node) -> Iterator[Note]:
    if node.record is None:
        return
    where = f"of {node.domain}"
    for term in node.counted_terms:
        if term.name == "ptr":
            yield warn(
                "spf_ptr",
                f"{term.text} {where}: ptr must not be used any more; many receivers skip it.",
                "RFC 7208 section 5.5",
            )
        elif term.qualifier == "+" and term.name in {"ip4", "ip6", "a", "mx"}:
            yield from _of_width(term, where)
    reached = set(map(id, node.counted_terms))
    dead = [
        term.text for term in node.record.terms if id(term) not in reached and term.name in {*TERM_IN_WORDS, "redirect"}
    ]
    if dead and node.via is None:
        yield warn(
            "spf_dead_terms",
            f"{', '.join(dead)} {where} comes after “all”, so that nobody reads it.",
            "RFC 7208 section 5.1",
        )


def _of_width(term: Term, where: str) -> Iterator[Note]:
    if term.name in {"ip4", "ip6"} and ipaddress.ip_network(term.target).prefixlen == 0:
        yield fail("spf_plus_all", f"{term.text} {where} lets everyone on the Internet pass.", "RFC 7208 section 5.6")
    elif term.prefix4 < WIDE_PREFIX4 or term.prefix6 < WIDE_PREFIX6:
        yield warn(
            "spf_wide",
            f"{term.text} {where} lets a network pass that is too large to be yours alone.",
            "RFC 7208 section 11.1",
        )


def _of_egress(tree: Node, outcomes: dict[str, Outcome]) -> Iterator[Note]:
    if tree.record is None:
        return
    for address, outcome in outcomes.items():
        if outcome.result == "temperror":
            yield unknown(
                "spf_egress_unknown",
                f"Whether {address} passes is not known: {outcome.because}.",
                "RFC 7208 section 2.6.6",
            )
        elif outcome.result != "pass":
            yield fail(
                "spf_egress_not_pass",
                f"Mail from {address} gets {outcome.result}: {outcome.because}.",
                "RFC 7208 section 2.6",
            )


def _of_type99(answer: Answer) -> Iterator[Note]:
    if answer.values:
        yield warn(
            "spf_type99",
            "A record of the old type SPF (99) is published; nobody reads it and it may drift.",
            "RFC 7208 section 3.1",
        )


def in_words(tree: Node) -> Iterator[str]:
    """What the record says, for people who do not read SPF."""
    if tree.record is None:
        return
    for term in tree.counted_terms:
        if term.name in TERM_IN_WORDS:
            target = (term.target or tree.domain).removesuffix({"ip4": "/32", "ip6": "/128"}.get(term.name, ""))
            who = TERM_IN_WORDS[term.name].format(target=target)
            yield f"{QUALIFIERS[term.qualifier].capitalize()}: {who}."
        elif term.name == "redirect":
            yield f"For all else, the record of {term.target} decides."
        elif term.name == "all":
            yield ALL_IN_WORDS[term.qualifier]
