"""Own the form of a judgement on one record: notes with rule and reason, the worst of which decides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from monitors.results import Result

SEVERITY = {Result.OK: 0, Result.WARN: 1, Result.UNKNOWN: 2, Result.FAIL: 3}
"""Doubt outranks a warning, because it hides what may be worse; it never outranks a certain failure."""

RECORDS = ("spf", "dkim", "dmarc", "mx", "ptr", "mta-sts", "tls-rpt", "dane", "ns", "dnsbl", "caa", "bimi")


@dataclass(frozen=True, slots=True)
class Note:
    """One thing seen in a record: what it means, in a sentence with the values that decided, and which rule says so."""

    result: Result
    reason: str
    sentence: str
    rule: str = ""


def ok(reason: str, sentence: str, rule: str = "") -> Note:
    return Note(Result.OK, reason, sentence, rule)


def warn(reason: str, sentence: str, rule: str = "") -> Note:
    return Note(Result.WARN, reason, sentence, rule)


def fail(reason: str, sentence: str, rule: str = "") -> Note:
    return Note(Result.FAIL, reason, sentence, rule)


def unknown(reason: str, sentence: str, rule: str = "") -> Note:
    return Note(Result.UNKNOWN, reason, sentence, rule)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one record amounts to.

    `record` is one of RECORDS, `name` the DNS name (or address) that it is about. `notes` holds at least one
    note; the first of the worst decides. `values` are the raw texts, `words` the same for people, `detail` the
    structure behind a picture (JSON only). `is_published` tells an absent optional record from a good one;
    `is_learnt` is false when `values` are empty because nobody answered.
    """

    record: str
    name: str
    notes: tuple[Note, ...]
    values: tuple[str, ...] = ()
    words: tuple[str, ...] = ()
    ttl_s: int | None = None
    server: str | None = None
    detail: Mapping[str, Any] = field(default_factory=dict)
    is_published: bool = True
    is_learnt: bool = True

    @property
    def decisive(self) -> Note:
        return max(self.notes, key=lambda note: SEVERITY[note.result])

    @property
    def result(self) -> Result:
        return self.decisive.result

    @property
    def reason(self) -> str:
        return self.decisive.reason

    @property
    def sentence(self) -> str:
        return self.decisive.sentence


def worst(judgements: Iterable[Judgement]) -> Judgement | None:
    """The judgement that decides on a domain: the first of the most severe. None when there are none."""
    return max(judgements, key=lambda judgement: SEVERITY[judgement.result], default=None)
