"""Own the judgement on DMARC: which policy receivers apply to whom, and whether reports arrive (RFC 9989, RFC 9990)."""

from __future__ import annotations

from collections.abc import Iterator

from monitors.mail_dns.dmarc_record import FAILURE_OPTIONS, KNOWN_TAGS, REMOVED_TAGS, STRENGTH, DmarcRecord, ReportUri
from monitors.mail_dns.dmarc_walk import Effective, Step, Walk, dmarc_texts, effective, walk
from monitors.mail_dns.facts import Facts, how_it_failed, is_missing
from monitors.mail_dns.judgement import Judgement, Note, fail, ok, unknown, warn
from monitors.mail_dns.options import DomainOptions

POLICY_IN_WORDS = {
    "none": "deliver it as if nothing had happened",
    "quarantine": "treat it as suspicious (spam folder)",
    "reject": "refuse it",
    None: "no DMARC at all",
    "?": "not known",
}
ANY_SUBDOMAIN = "any-subdomain"
"""Stands for a name below the domain that publishes no DMARC record of its own."""


def judge_dmarc(options: DomainOptions, facts: Facts) -> list[Judgement]:
    domain = options.name
    own = walk(facts, domain)
    below = walk(facts, f"{ANY_SUBDOMAIN}.{domain}", without_own=True)
    table = {
        "domain": effective(own, "existing"),
        "existing subdomain": effective(below, "existing"),
        "non-existing subdomain": effective(below, "missing"),
    }
    notes = list(_notes(domain, own, table, facts))
    return [
        Judgement(
            "dmarc",
            f"_dmarc.{domain}",
            tuple(notes or [_all_well(own, table)]),
            values=_values(own),
            words=tuple(_in_words(own, table)),
            ttl_s=_first_ttl(own),
            server=own.steps[0].answer.server if own.steps[0].answer else None,
            is_learnt=bool(own.speaker) or not own.unanswered,
            is_published=bool(_values(own)),
            detail={
                "effective": {kind: _as_json(one) for kind, one in table.items()},
                "organization": own.organization,
                "walk": [
                    {"name": f"_dmarc.{step.name}", "record": step.record.text if step.record else None}
                    for step in own.steps
                ],
            },
        )
    ]


def _values(own: Walk) -> tuple[str, ...]:
    first = own.steps[0].answer
    texts = dmarc_texts(first) if first else ()
    speaker = own.speaker
    return texts or ((speaker.record.text,) if speaker and speaker.record else ())


def _first_ttl(own: Walk) -> int | None:
    step = own.speaker or own.steps[0]
    return step.answer.ttl_s if step.answer else None


def _as_json(one: Effective) -> dict[str, object]:
    return {
        "policy": one.policy,
        "published": one.published,
        "published_at": one.published_at,
        "tag": one.tag,
        "is_testing": one.is_testing,
        "words": POLICY_IN_WORDS[one.policy],
    }


def _all_well(own: Walk, table: dict[str, Effective]) -> Note:
    whose = own.speaker.name if own.speaker else ""
    sentence = f"The record of {whose} asks receivers to {table['domain'].policy} what fails; reports are sent."
    return ok("dmarc_ok", sentence, "RFC 9989 section 4.10.1")


def _notes(domain: str, own: Walk, table: dict[str, Effective], facts: Facts) -> Iterator[Note]:
    first = own.steps[0]
    if first.answer is not None and not first.answer.is_known:
        yield unknown("dmarc_unanswered", f"Nothing is known of DMARC at {domain}: {how_it_failed(first.answer)}.")
        return
    if first.discarded > 1:
        yield fail(
            "dmarc_several",
            f"_dmarc.{domain} has {first.discarded} DMARC records; receivers discard them all.",
            "RFC 9989 section 4.10",
        )
    speaker = own.speaker
    if own.unanswered and (speaker is None or speaker is not first):
        yield unknown(
            "dmarc_walk_unanswered",
            f"The walk up from {domain} is not complete: {how_it_failed(own.unanswered[0])}.",
            "RFC 9989 section 4.10",
        )
        return
    if speaker is None or speaker.record is None:
        yield from _of_absence(domain, first)
        return
    yield from _of_syntax(speaker)
    if speaker.record.is_applied:
        yield from _of_strength(table)
        yield from _of_reports(speaker, speaker.record, facts)


def _of_absence(domain: str, first: Step) -> Iterator[Note]:
    texts = first.answer.values if first.answer else ()
    lookalike = next((text for text in texts if "dmarc" in text.lower()), None)
    if first.discarded > 1:
        return
    if lookalike is not None:
        yield fail(
            "dmarc_not_a_record",
            f"_dmarc.{domain} holds “{lookalike[:80]}”, which is no DMARC record: it must begin with “v=DMARC1;”.",
            "RFC 9989 section 4.7",
        )
    else:
        yield fail(
            "dmarc_missing", f"Neither {domain} nor any domain above it has a DMARC record.", "RFC 9989 section 4.10.1"
        )


VALUES_BY_TAG = {"adkim": ("r", "s"), "aspf": ("r", "s"), "t": ("y", "n"), "psd": ("y", "n", "u")}


def _of_syntax(speaker: Step) -> Iterator[Note]:
    record = speaker.record
    assert record is not None
    if record.is_broken:
        yield _of_broken(speaker.name, record)
    yield from _of_tags(record)
    yield from _of_values(record)


def _of_tags(record: DmarcRecord) -> Iterator[Note]:
    tags = record.tags
    if tags.repeated:
        sentence = f"{', '.join(tags.repeated)} appears more than once; receivers differ in which one counts."
        yield warn("dmarc_repeated_tag", sentence, "RFC 6376 section 3.2")
    removed = [tag for tag in REMOVED_TAGS if tags.get(tag) is not None]
    if removed:
        sentence = f"{', '.join(removed)} is no part of DMARC any more and is ignored; t=y replaces pct for testing."
        yield warn("dmarc_removed_tag", sentence, "RFC 9989 appendix C")
    odd = [*sorted({tag for tag, _ in tags.pairs} - KNOWN_TAGS), *tags.stray]
    if odd:
        sentence = f"“{', '.join(odd)}” is no DMARC tag and is ignored, perhaps a slip of the pen."
        yield warn("dmarc_unknown_tag", sentence, "RFC 9989 section 4.7")


def _of_values(record: DmarcRecord) -> Iterator[Note]:
    for tag, allowed in VALUES_BY_TAG.items():
        value = record.tags.get(tag)
        if value is not None and record.choice(tag, allowed) is None:
            sentence = f"{tag}={value} means nothing, so the default applies."
            yield warn("dmarc_bad_value", sentence, "RFC 9989 section 4.7")
    options = record.tags.get("fo")
    if options is not None and options.lower() not in FAILURE_OPTIONS:
        yield warn("dmarc_bad_value", f"fo={options} means nothing, so the default applies.", "RFC 9989 section 4.8")


def _of_broken(name: str, record: DmarcRecord) -> Note:
    what = ", ".join(f"{tag}={record.tags.get(tag)} is no policy" for tag in record.invalid_policies) or "p is missing"
    if record.has_report_address:
        return fail(
            "dmarc_acts_as_none",
            f"In the record of {name} {what}; receivers act as if it said p=none.",
            "RFC 9989 section 4.10.1",
        )
    return fail(
        "dmarc_not_applied",
        f"In the record of {name} {what}, and it has no rua: receivers apply no DMARC at all.",
        "RFC 9989 section 4.10.1",
    )


def _of_strength(table: dict[str, Effective]) -> Iterator[Note]:
    own = table["domain"]
    if own.is_testing and own.published != "none":
        yield warn(
            "dmarc_testing",
            f"t=y: {own.published} is asked for, but receivers act as for {own.policy}.",
            "RFC 9989 section 4.7",
        )
    elif own.policy == "none" and own.tag != "rua":
        yield warn(
            "dmarc_p_none", f"{own.tag}=none asks for nothing: forged mail is delivered.", "RFC 9989 section 4.7"
        )
    existing, missing = table["existing subdomain"], table["non-existing subdomain"]
    yield from _of_weakness("subdomains", own, existing)
    if (missing.tag, missing.published_at) != (existing.tag, existing.published_at):
        yield from _of_weakness("subdomains that do not exist", own, missing)


def _of_weakness(who: str, own: Effective, other: Effective) -> Iterator[Note]:
    if own.policy not in STRENGTH:
        return
    if other.policy is None:
        yield warn("dmarc_weak_below", f"For {who} no DMARC applies.", "RFC 9989 section 4.10.1")
    elif STRENGTH.get(other.policy, 9) < STRENGTH[own.policy]:
        said = f"{other.tag}={other.published} at {other.published_at}"
        yield warn(
            "dmarc_weak_below",
            f"For {who} the policy is only {other.policy} ({said}), weaker than for the domain itself.",
            "RFC 9989 section 4.7",
        )


def _of_reports(speaker: Step, record: DmarcRecord, facts: Facts) -> Iterator[Note]:
    if record.tags.get("rua") is None:
        yield warn(
            "dmarc_no_rua", "There is no rua: nobody tells you who sends as this domain.", "RFC 9989 section 4.7"
        )
    organization: str | None = None
    for tag in ("rua", "ruf"):
        for uri in record.report_uris(tag):
            yield from _of_uri(tag, uri)
            if uri.domain is None or uri.problem:
                continue
            organization = organization or walk(facts, speaker.name).organization
            yield from _of_destination(tag, uri.domain, speaker.name, organization, facts)


def _of_uri(tag: str, uri: ReportUri) -> Iterator[Note]:
    if uri.problem:
        yield warn(
            "dmarc_bad_uri", f"{tag}: “{uri.text}” {uri.problem}; nothing is sent there.", "RFC 9989 section 4.7"
        )
    elif uri.domain is None:
        yield warn(
            "dmarc_uri_not_mail",
            f"{tag}: receivers need only support mailto, so {uri.text} may get nothing.",
            "RFC 9989 section 4.7",
        )
    if uri.has_size:
        yield warn(
            "dmarc_uri_size",
            f"{tag}: the size limit in {uri.text} is no part of DMARC any more.",
            "RFC 9989 appendix C",
        )


def _of_destination(tag: str, target: str, policy_domain: str, organization: str, facts: Facts) -> Iterator[Note]:
    yield from _of_authorisation(tag, target, policy_domain, organization, facts)
    exchanges = facts.dns(target, "MX")
    if exchanges.values == ("0 .",) or (exchanges.status.is_void and is_missing(facts.addresses(target))):
        yield warn("dmarc_rua_no_mail", f"{tag}: {target} takes no mail, so reports are lost.", "RFC 9989 section 4.7")


def _of_authorisation(tag: str, target: str, policy_domain: str, organization: str, facts: Facts) -> Iterator[Note]:
    """RFC 9990 section 4: another organisation must say that it takes these reports."""
    if target in {policy_domain, organization} or target.endswith("." + organization):
        return
    if walk(facts, target).organization == organization:
        return
    answer = facts.dns(f"{policy_domain}._report._dmarc.{target}", "TXT")
    if not answer.is_known:
        yield unknown(
            "dmarc_rua_unanswered",
            f"{tag}: whether {target} takes reports is not known: {how_it_failed(answer)}.",
            "RFC 9990 section 4",
        )
    elif not dmarc_texts(answer):
        yield warn(
            "dmarc_rua_unauthorised",
            f"{tag}: {target} does not take reports for {policy_domain} ({answer.name} TXT is missing): none are sent.",
            "RFC 9990 section 4",
        )


def _in_words(own: Walk, table: dict[str, Effective]) -> Iterator[str]:
    for kind, one in table.items():
        article = {"domain": "this", "existing subdomain": "an"}.get(kind, "a")
        yield f"Mail that fails, from {article} {kind}: {POLICY_IN_WORDS[one.policy]}."
    record = own.speaker.record if own.speaker else None
    if record is None:
        return
    yield f"DKIM and SPF domains align {record.alignment('adkim')} and {record.alignment('aspf')}."
    to = ", ".join(uri.text.removeprefix("mailto:") for uri in record.report_uris("rua"))
    yield f"Aggregate reports go to {to}." if to else "Aggregate reports go to nobody."
