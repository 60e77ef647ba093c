"""Own the passage of judgements through JSON: what the prober stores, spools and reads back."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from monitors.mail_dns.dmarc_record import is_dmarc
from monitors.mail_dns.judgement import Judgement
from monitors.mail_dns.spf_record import is_spf
from monitors.results import Result


@dataclass(frozen=True, slots=True)
class AskedEverywhere:
    """A record that every name server is asked for, and which of the texts at its name are meant."""

    rdtype: str
    is_meant: Callable[[str], bool]


KINDS = {
    "spf": AskedEverywhere("TXT", is_spf),
    "dmarc": AskedEverywhere("TXT", is_dmarc),
    "dkim": AskedEverywhere("TXT", bool),
    "mx": AskedEverywhere("MX", bool),
}


@dataclass(frozen=True, slots=True)
class Seen:
    """One judged record as it is kept. `is_agreed`: all name servers say what was seen."""

    record: str
    name: str
    result: Result
    reason: str
    sentence: str
    values: tuple[str, ...]
    words: list[str]
    notes: list[dict[str, str]]
    detail: dict[str, Any]
    ttl_s: int | None
    server: str | None
    is_published: bool
    is_learnt: bool
    is_agreed: bool

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Seen:
        return cls(**{**stored, "result": Result(stored["result"]), "values": tuple(stored["values"])})


def note_as_json(one: Judgement) -> list[dict[str, str]]:
    return [
        {"result": note.result.value, "reason": note.reason, "sentence": note.sentence, "rule": note.rule}
        for note in one.notes
    ]


def judgement_as_json(one: Judgement) -> dict[str, Any]:
    return {
        "record": one.record,
        "name": one.name,
        "result": one.result.value,
        "reason": one.reason,
        "sentence": one.sentence,
        "values": list(one.values),
        "words": list(one.words),
        "notes": note_as_json(one),
        "detail": dict(one.detail),
        "ttl_s": one.ttl_s,
        "server": one.server,
        "is_published": one.is_published,
        "is_learnt": one.is_learnt,
    }


def details_of(judgements: Sequence[Judgement]) -> dict[str, Any]:
    """What a probe hands to `keep`: every judgement, each with whether the name servers agree on it."""
    agreed: Mapping[str, Sequence[str]] = next(
        (one.detail["agreed"] for one in judgements if one.record == "ns" and "agreed" in one.detail), {}
    )
    return {"records": [{**judgement_as_json(one), "is_agreed": _is_agreed(one, agreed)} for one in judgements]}


def _is_agreed(one: Judgement, agreed: Mapping[str, Sequence[str]]) -> bool:
    """Whether the servers say just what was seen, the name's other texts apart."""
    kind = KINDS.get(one.record)
    said = agreed.get(f"{one.name} {kind.rdtype}") if kind else None
    return kind is not None and said is not None and {text for text in said if kind.is_meant(text)} == set(one.values)
