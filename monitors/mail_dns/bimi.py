"""Own the judgement on BIMI: the logo's record is well made, and DMARC is strong enough to show it (BIMI draft)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from monitors.mail_dns.dmarc_walk import effective, walk
from monitors.mail_dns.facts import Facts
from monitors.mail_dns.judgement import Judgement, Note, ok, warn
from monitors.mail_dns.options import DomainOptions
from monitors.mail_dns.published import absent
from monitors.mail_dns.tags import TagList, parse_tags

RULE = "draft-brand-indicators-for-message-identification section 4"
ENFORCED = {"quarantine", "reject"}


def is_bimi(text: str) -> bool:
    return re.match(r"v=BIMI1\s*(?:;|$)", text) is not None


def judge_bimi(options: DomainOptions, facts: Facts) -> list[Judgement]:
    answer = facts.dns(f"default._bimi.{options.name}", "TXT")
    records = tuple(text for text in answer.values if is_bimi(text))
    if not records:
        return [absent(options, "bimi", "A BIMI logo", answer)]
    tags = parse_tags(records[0])
    notes = list(_notes(options, facts, records, tags))
    logo, evidence = tags.get("l"), tags.get("a")
    if not notes:
        notes = [ok("bimi_ok", f"The logo is at {logo}." if logo else "The domain declines to show a logo.", RULE)]
    words = (f"Logo: {logo or 'declined'}.", f"Mark certificate: {evidence or 'none'}.")
    return [Judgement("bimi", answer.name, tuple(notes), records, words, answer.ttl_s, answer.server)]


def _notes(options: DomainOptions, facts: Facts, records: tuple[str, ...], tags: TagList) -> Iterator[Note]:
    if len(records) > 1:
        yield warn("bimi_several", f"There are {len(records)} records; mailboxes ignore them all.", RULE)
        return
    logo = tags.get("l")
    if logo is None:
        yield warn("bimi_no_logo", "The record names no logo (l=).", RULE)
    elif logo and not re.fullmatch(r"https://\S+", logo, re.IGNORECASE):
        yield warn("bimi_bad_logo", f"The logo “{logo}” is not an https address.", RULE)
    evidence = tags.get("a")
    if evidence and not re.fullmatch(r"https://\S+", evidence, re.IGNORECASE):
        yield warn("bimi_bad_evidence", f"The mark certificate “{evidence}” is not an https address.", RULE)
    policy = effective(walk(facts, options.name), "existing").policy
    if logo and policy not in ENFORCED and policy != "?":
        yield warn(
            "bimi_dmarc_weak",
            f"DMARC asks for {policy or 'nothing'}; mailboxes show a logo only from quarantine up.",
            RULE,
        )
