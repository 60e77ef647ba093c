"""Own the judgement on optional records that are not there: fine, unless the configuration requires them."""

from __future__ import annotations

from monitors.mail_dns.facts import how_it_failed
from monitors.mail_dns.judgement import Judgement, Note, fail, ok, unknown
from monitors.mail_dns.options import DomainOptions
from monitors.resolver import Answer


def absent(options: DomainOptions, record: str, title: str, answer: Answer) -> Judgement:
    """An optional record that has no value: unknown when nobody answered, a failure only when it is required."""
    return Judgement(
        record, answer.name, (_note(options, record, title, answer),), ttl_s=answer.ttl_s, server=answer.server,
        words=() if not answer.is_known else (f"{title} is not published.",), is_published=False,
        is_learnt=answer.is_known,
    )  # fmt: skip


def _note(options: DomainOptions, record: str, title: str, answer: Answer) -> Note:
    code = record.replace("-", "_")
    if not answer.is_known:
        return unknown(f"{code}_unanswered", f"Whether {title} is published is not known: {how_it_failed(answer)}.")
    if record in options.require:
        return fail(f"{code}_missing", f"{title} is required by the configuration and is not published.")
    return ok(f"{code}_absent", f"{title} is not published; it is optional.")
