"""Own the judgement on TLS reporting: one record with an address that takes reports (RFC 8460 section 3)."""

from __future__ import annotations

import re
from collections.abc import Iterator

from monitors.mail_dns.dmarc_record import MAILTO
from monitors.mail_dns.facts import Facts
from monitors.mail_dns.judgement import Judgement, Note, ok, warn
from monitors.mail_dns.options import DomainOptions
from monitors.mail_dns.published import absent
from monitors.mail_dns.tags import parse_tags

RULE = "RFC 8460 section 3"


def is_tls_rpt(text: str) -> bool:
    return re.match(r"v=TLSRPTv1\s*(?:;|$)", text) is not None


def judge_tls_rpt(options: DomainOptions, facts: Facts) -> list[Judgement]:
    answer = facts.dns(f"_smtp._tls.{options.name}", "TXT")
    records = tuple(text for text in answer.values if is_tls_rpt(text))
    if not records:
        return [absent(options, "tls-rpt", "TLS reporting", answer)]
    notes = list(_notes(records))
    to = parse_tags(records[0]).get("rua") or ""
    if not notes:
        notes = [ok("tls_rpt_ok", f"Reports on TLS failures go to {to}.", RULE)]
    words = (f"Reports on TLS failures go to {to or 'nobody'}.",)
    return [Judgement("tls-rpt", answer.name, tuple(notes), records, words, answer.ttl_s, answer.server)]


def _notes(records: tuple[str, ...]) -> Iterator[Note]:
    if len(records) > 1:
        yield warn("tls_rpt_several", f"There are {len(records)} records; senders act as if there were none.", RULE)
        return
    addresses = [part.strip() for part in (parse_tags(records[0]).get("rua") or "").split(",") if part.strip()]
    if not addresses:
        yield warn("tls_rpt_no_rua", "The record has no rua: reports go to nobody.", RULE)
    for address in addresses:
        if not _is_usable(address):
            yield warn("tls_rpt_bad_rua", f"“{address}” is neither mailto: with an address nor https:.", RULE)


def _is_usable(address: str) -> bool:
    scheme, _, rest = address.partition(":")
    if scheme.lower() == "mailto":
        return MAILTO.fullmatch(rest) is not None
    return scheme.lower() == "https" and re.fullmatch(r"//[^\s/]+(?:/\S*)?", rest) is not None
