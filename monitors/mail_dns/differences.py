"""Own the telling of a change: which tag, which mechanism, which value went and which came. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitors.mail_dns.spf_record import is_spf
from monitors.mail_dns.tags import parse_tags

TAGGED_RECORDS = {"dmarc", "dkim", "mta-sts", "tls-rpt", "bimi"}
SHOWN_CHARACTERS = 60
"""Of each side in a headline: a key is recognised by its first characters, and a timeline is narrow."""


@dataclass(frozen=True, slots=True)
class Line:
    """One part of a record: `op` is "-" for gone, "+" for new, "=" for kept."""

    op: str
    text: str


def differences(record: str, before: Sequence[str], after: Sequence[str]) -> tuple[Line, ...]:
    """Part by part in the order of the record; a part whose value changed is a "-" and a "+" after each other."""
    if len(before) == len(after) == 1 and parts_of(record, before[0]) and parts_of(record, after[0]):
        return _between(parts_of(record, before[0]), parts_of(record, after[0]))
    return _between([(value, value) for value in before], [(value, value) for value in after])


def parts_of(record: str, text: str) -> list[tuple[str, str]]:
    """(key, text) of each part: parts of the same key replace each other."""
    if record == "spf" and is_spf(text):
        words = [word for word in text.split(" ") if word]
        # The final `all` replaces the other one; every other term stands for itself.
        return [("all" if word.lstrip("+-~?").lower() == "all" else word.lower(), word) for word in words]
    if record in TAGGED_RECORDS and "=" in text:
        return [(tag, f"{tag}={value}") for tag, value in parse_tags(text).pairs]
    return []


def _between(before: list[tuple[str, str]], after: list[tuple[str, str]]) -> tuple[Line, ...]:
    old, new = dict(before), dict(after)
    lines: list[Line] = []
    for key in [*old, *(key for key in new if key not in old)]:
        if old.get(key) == new.get(key):
            lines.append(Line("=", old[key]))
            continue
        lines += [Line("-", old[key])] if key in old else []
        lines += [Line("+", new[key])] if key in new else []
    return tuple(lines)


def subject_of(record: str, name: str) -> str:
    return f"{record.upper()} of {name}"


def headline(record: str, name: str, before: Sequence[str], after: Sequence[str]) -> str:
    """The change in one line, with the parts that changed where they are few."""
    subject = subject_of(record, name)
    if not before:
        return f"{subject} appeared: {_short(after[0])}" if after else f"{subject} changed"
    if not after:
        return f"{subject} vanished: it was {_short(before[0])}"
    lines = differences(record, before, after)
    gone = [line.text for line in lines if line.op == "-"]
    came = [line.text for line in lines if line.op == "+"]
    if record == "mta-sts" and _same_id(before, after):
        return f"{subject}: the policy changed under the same id, so senders keep the old one"
    return f"{subject} changed: {_short(', '.join(gone) or 'nothing')} → {_short(', '.join(came) or 'nothing')}"


def _same_id(before: Sequence[str], after: Sequence[str]) -> bool:
    return before[0] == after[0] and list(before) != list(after)


def _short(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else f"{text[: SHOWN_CHARACTERS - 1]}…"
