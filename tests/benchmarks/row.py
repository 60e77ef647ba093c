"""Own printed figures, and the few statistics that they are made of."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import django

# A benchmark is a process of its own, and whatever it imports after this may import models.
django.setup()


@dataclass(frozen=True, slots=True)
class Row:
    """`peer` is what it is measured against, if anything; `is_reached` is None where the peer is missing."""

    what: str
    ours: str
    peer: str
    reach: str
    is_reached: bool | None

    def __str__(self) -> str:
        mark = {True: "reached", False: "FALLS SHORT", None: "no peer here"}[self.is_reached]
        against = f"  against {self.peer}" if self.peer else ""
        return f"{self.what}\n    {self.ours}{against}  (reach {self.reach}: {mark})"


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of them lie; nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def ms(seconds: float) -> str:
    return f"{seconds * 1_000:.1f} ms"


def report(rows: Callable[[], Iterable[Row]]) -> int:
    """Print each row as soon as it is known; the exit status says whether all reach what they should."""
    falls_short = False
    for row in rows():
        print(row, flush=True)
        falls_short = falls_short or row.is_reached is False
    return int(falls_short)
