"""Own the telling of an evaluation: JSON with the promised keys, and lines for a terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from monitors.mail_dns.evidence import judgement_as_json
from monitors.mail_dns.judgement import Judgement, worst
from monitors.results import Result

MARKS = {Result.OK: "ok     ", Result.WARN: "WARN   ", Result.FAIL: "FAIL   ", Result.UNKNOWN: "unknown"}
EXIT_BY_RESULT = {Result.OK: 0, Result.WARN: 1, Result.FAIL: 2, Result.UNKNOWN: 3}


def verdict_of(judgements: Sequence[Judgement]) -> Result:
    """The worst of the records; nothing judged is nothing known."""
    decisive = worst(judgements)
    return decisive.result if decisive else Result.UNKNOWN


def domain_as_json(domain: str, judgements: Sequence[Judgement], not_judged: dict[str, str]) -> dict[str, Any]:
    """What `manage.py domain --json` prints. `age_s` is 0 for what was just learnt, null for what was not."""
    records = [{**judgement_as_json(one), "age_s": None if one.result is Result.UNKNOWN else 0.0} for one in judgements]
    return {"domain": domain, "verdict": verdict_of(judgements).value, "records": records, "not_judged": not_judged}


def domain_as_lines(domain: str, judgements: Sequence[Judgement], not_judged: dict[str, str]) -> Iterator[str]:
    """The same for a terminal: verdict first, then each record with its notes, words and raw text."""
    yield f"{domain}: {verdict_of(judgements).value}"
    for one in judgements:
        yield ""
        yield f"{MARKS[one.result]} {one.record}  {one.name}"
        for note in one.notes:
            mark = "" if note.result is one.result else f"[{note.result.value}] "
            yield f"        {mark}{note.sentence}" + (f" [{note.rule}]" if note.rule else "")
        yield from (f"        · {words}" for words in one.words)
        yield from _tree_lines(one.detail.get("tree"))
        yield from (f"        | {value}" for value in one.values)
    if not_judged:
        yield ""
        yield from (f"not judged: {record} ({why})" for record, why in not_judged.items())


def _tree_lines(node: dict[str, Any] | None, indent: int = 8) -> Iterator[str]:
    """The SPF tree, one record a line; a tree of one record is the record itself and needs no drawing."""
    if node is None or (indent == 8 and not node["children"]):
        return
    counts = f"{node['lookups']} lookups" + (f", {node['voids']} void" if node["voids"] else "")
    yield f"{' ' * indent}{node['via'] or node['domain']}: {node['problem'] or counts}"
    for child in node["children"]:
        yield from _tree_lines(child, indent + 2)
