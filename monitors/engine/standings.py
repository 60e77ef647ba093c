"""Own how a standing is kept on its watch (pure): the window as short rows, the rest as one small object."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from monitors.results import Result, Verdict
from monitors.verdicts import Seen, Standing


def window_rows(standing: Standing) -> list[list[Any]]:
    return [[seen.at, seen.result.value, seen.reason] for seen in standing.window]


def standing_row(standing: Standing) -> dict[str, Any]:
    return {
        "verdict": standing.verdict.value,
        "since": standing.since,
        "confirmed_at": standing.confirmed_at,
        "reason": standing.reason,
        "sentence": standing.sentence,
        "is_flapping": standing.is_flapping,
        "flips": list(standing.flips),
    }


def standing_from(row: Mapping[str, Any], window: Sequence[Sequence[Any]]) -> Standing:
    """The standing as it was kept; an empty row is a watch that was never judged."""
    seen = tuple(Seen(at, Result(result), reason) for at, result, reason in window)
    if not row:
        return Standing(window=seen)
    return Standing(
        verdict=Verdict(row["verdict"]),
        since=row["since"],
        confirmed_at=row["confirmed_at"],
        reason=row["reason"],
        sentence=row["sentence"],
        is_flapping=row["is_flapping"],
        flips=tuple(row["flips"]),
        window=seen,
    )
