"""Own the judgement on MTA-STS: record, policy over HTTPS, and every mail server covered by it (RFC 8461)."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from monitors.mail_dns.facts import Facts, Policy, how_it_failed, is_missing
from monitors.mail_dns.judgement import Judgement, Note, fail, ok, unknown, warn
from monitors.mail_dns.mx import exchanges, is_null
from monitors.mail_dns.options import DomainOptions
from monitors.mail_dns.published import absent
from monitors.mail_dns.tags import parse_tags

ID = re.compile(r"[A-Za-z0-9]{1,32}")
MODES = ("enforce", "testing", "none")
MAX_AGE_LIMIT_S = 31_557_600
MAX_AGE_SHORT_S = 7 * 86_400
"""A policy forgotten within a week protects little (RFC 8461 section 3.2 advises weeks or more)."""
MODE_IN_WORDS = {
    "enforce": "Senders must use TLS with a valid certificate, or not deliver.",
    "testing": "Senders report TLS failures, and deliver anyway.",
    "none": "The policy is switched off.",
}


@dataclass(frozen=True, slots=True)
class StsPolicy:
    """A policy file, read. `problems` are what a sender would refuse it for."""

    mode: str
    max_age_s: int | None
    mx: tuple[str, ...]
    problems: tuple[str, ...]


def is_sts(text: str) -> bool:
    return re.match(r"v=STSv1\s*(?:;|$)", text) is not None


def judge_mta_sts(options: DomainOptions, facts: Facts) -> list[Judgement]:
    domain = options.name
    answer = facts.dns(f"_mta-sts.{domain}", "TXT")
    records = tuple(text for text in answer.values if is_sts(text))
    if not records:
        return [absent(options, "mta-sts", "An MTA-STS policy", answer)]
    if len(records) > 1:
        sentence = f"{answer.name} has {len(records)} records; senders act as if there were none."
        note = fail("mta_sts_several", sentence, "RFC 8461 section 3.1")
        return [Judgement("mta-sts", answer.name, (note,), records, (), answer.ttl_s, answer.server)]
    fetched, host_notes = _fetch(domain, facts)
    notes = [*_of_record(records[0]), *host_notes]
    words: tuple[str, ...] = ()
    values = records
    if fetched is not None and fetched.status == 200:
        policy = parse_policy(fetched.body)
        notes += [*_of_transport(fetched), *_of_policy(policy), *_of_servers(domain, policy, facts)]
        words = tuple(_in_words(policy))
        # The hash is part of the record: a policy that changes under an unchanged id must show as a change.
        values = (*records, f"policy sha256={hashlib.sha256(fetched.body.encode()).hexdigest()[:16]}")
    elif fetched is not None:
        notes += _of_transport(fetched)
    if not notes:
        notes = [
            ok("mta_sts_ok", "The policy is served, enforced, and covers every mail server.", "RFC 8461 section 3")
        ]
    return [
        Judgement(
            "mta-sts", answer.name, tuple(notes), values, words, answer.ttl_s, answer.server,
            is_learnt=len(values) > len(records),
        )
    ]  # fmt: skip


def _of_record(text: str) -> Iterator[Note]:
    identity = parse_tags(text).get("id")
    if identity is None or not ID.fullmatch(identity):
        said = f"id={identity}" if identity else "no id"
        yield fail(
            "mta_sts_bad_id", f"The record has {said}; it must be 1 to 32 letters and digits.", "RFC 8461 section 3.1"
        )


def _fetch(domain: str, facts: Facts) -> tuple[Policy | None, list[Note]]:
    host = f"mta-sts.{domain}"
    answers = facts.addresses(host)
    addresses = tuple(value for answer in answers for value in answer.values)
    if addresses:
        return facts.policy(domain, addresses), []
    if is_missing(answers):
        return None, [
            fail("mta_sts_no_host", f"{host} has no address, so the policy cannot be fetched.", "RFC 8461 section 3.3")
        ]
    unclear = next(answer for answer in answers if not answer.is_known)
    return None, [unknown("mta_sts_host_unanswered", f"The address of {host} is not known: {how_it_failed(unclear)}.")]


def _of_transport(fetched: Policy) -> Iterator[Note]:
    rule = "RFC 8461 section 3.3"
    if fetched.is_certificate_error:
        yield fail("mta_sts_bad_certificate", f"The policy host's certificate is refused: {fetched.error}.", rule)
    elif fetched.status is None:
        yield unknown("mta_sts_unfetched", f"The policy could not be fetched: {fetched.error}.", rule)
    elif 300 <= fetched.status < 400:
        yield fail(
            "mta_sts_redirect", f"The policy host answers {fetched.status}; senders must not follow redirects.", rule
        )
    elif fetched.status != 200:
        yield fail("mta_sts_no_policy", f"The policy host answers {fetched.status}: senders find no policy.", rule)
    elif fetched.content_type.partition(";")[0].strip().lower() != "text/plain":
        said = fetched.content_type or "without a type"
        yield warn(
            "mta_sts_content_type", f"The policy is served as {said}; it should be text/plain.", "RFC 8461 section 3.2"
        )


def parse_policy(body: str) -> StsPolicy:
    """Read a policy file (section 3.2): `key: value` lines; unknown keys are ignored, the first of a key counts."""
    pairs = [
        (key.strip(), value.strip())
        for key, colon, value in (line.partition(":") for line in body.splitlines())
        if colon
    ]
    first = dict(reversed(pairs))
    mx = tuple(value.lower().rstrip(".") for key, value in pairs if key == "mx")
    age = first.get("max_age", "")
    max_age_s = int(age) if age.isascii() and age.isdigit() and len(age) <= 10 else None
    mode = first.get("mode", "")
    problems = []
    if first.get("version") != "STSv1":
        problems.append("version is not STSv1")
    if mode not in MODES:
        problems.append(f"mode “{mode}” is none of enforce, testing, none")
    if max_age_s is None or max_age_s > MAX_AGE_LIMIT_S:
        problems.append(f"max_age “{age}” is not a number of seconds up to {MAX_AGE_LIMIT_S}")
    if not mx and mode != "none":
        problems.append("no mx is listed")
    return StsPolicy(mode, max_age_s, mx, tuple(problems))


def _of_policy(policy: StsPolicy) -> Iterator[Note]:
    rule = "RFC 8461 section 3.2"
    if policy.problems:
        yield fail("mta_sts_bad_policy", f"Senders refuse the policy: {'; '.join(policy.problems)}.", rule)
        return
    if policy.mode != "enforce":
        yield warn(f"mta_sts_mode_{policy.mode}", f"The policy's mode is {policy.mode}: nothing is enforced.", rule)
    if policy.max_age_s is not None and policy.max_age_s < MAX_AGE_SHORT_S and policy.mode != "none":
        yield warn(
            "mta_sts_short_age", f"max_age is {policy.max_age_s} s; senders forget the policy within a week.", rule
        )


def covers(pattern: str, host: str) -> bool:
    """Whether an mx line covers a host: `*.` stands for exactly one label (section 4.1)."""
    if pattern.startswith("*."):
        return host.partition(".")[2] == pattern[2:]
    return pattern == host


def _of_servers(domain: str, policy: StsPolicy, facts: Facts) -> Iterator[Note]:
    if policy.problems or policy.mode == "none":
        return
    answer = facts.dns(domain, "MX")
    if not answer.is_known:
        yield unknown(
            "mta_sts_mx_unanswered",
            f"Whether the policy covers the mail servers is not known: {how_it_failed(answer)}.",
        )
        return
    found = exchanges(answer)
    bare = [] if is_null(found) else [one.host for one in found if not any(covers(mx, one.host) for mx in policy.mx)]
    if bare:
        note = fail if policy.mode == "enforce" else warn
        yield note(
            "mta_sts_mx_uncovered",
            f"The policy does not cover {', '.join(bare)}; senders may not deliver there.",
            "RFC 8461 section 4.1",
        )


def _in_words(policy: StsPolicy) -> Iterator[str]:
    yield MODE_IN_WORDS.get(policy.mode, f"Mode {policy.mode}.")
    if policy.mx:
        yield f"It covers {', '.join(policy.mx)}."
    if policy.max_age_s is not None:
        yield f"Senders remember it for {policy.max_age_s // 86_400} days."
