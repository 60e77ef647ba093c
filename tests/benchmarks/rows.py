"""Own how a benchmark says what it found: one row of what, ours, the peer's, the ratio, and what it should reach."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import django

# A benchmark is a process of its own, and whatever it imports after this may import models.
django.setup()


@dataclass(frozen=True, slots=True)
class Row:
    """`peer` None: nothing to compare with in this run. `is_reached` None: there is no bar for it."""

    what: str
    ours: str
    peer: str = "-"
    ratio: str = "-"
    bar: str = "-"
    is_reached: bool | None = None

    def show(self) -> None:
        mark = {True: "reached", False: "MISSED", None: ""}[self.is_reached]
        print(f"{self.what:58} {self.ours:>14} {self.peer:>14} {self.ratio:>8} {self.bar:>10} {mark}", flush=True)


def report(rows: Callable[[], Iterable[Row]]) -> int:
    """Print each row as soon as it is known; the exit status says whether all reach what they should."""
    heading()
    falls_short = False
    for row in rows():
        row.show()
        falls_short = falls_short or row.is_reached is False
    return int(falls_short)


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of them lie; nearest rank."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def ms(seconds: float) -> str:
    return f"{seconds * 1_000:.1f} ms"


def heading() -> None:
    print(f"{'':58} {'ours':>14} {'peer':>14} {'ratio':>8} {'bar':>10}")


def compared(what: str, ours: float, peer: float | None, bar: float | None = None, unit: str = "/CPU-s") -> Row:
    """More is better; the bar is a ratio. Without a peer there is nothing to reach."""
    reach = "-" if bar is None else f">= {bar:g}x"
    if peer is None:
        return Row(what, f"{ours:,.0f}{unit}", "missing", bar=reach)
    ratio = ours / peer
    is_reached = None if bar is None else ratio >= bar
    return Row(what, f"{ours:,.0f}{unit}", f"{peer:,.0f}{unit}", f"{ratio:.2f}x", reach, is_reached)


def bounded(what: str, value: float, bound: float, unit: str) -> Row:
    """Less is better; the bar is an amount."""
    return Row(what, f"{value:,.1f} {unit}", bar=f"< {bound:g} {unit}", is_reached=value < bound)


def cpu_s(pid: int) -> float:
    """CPU seconds that a process has used, its children not included."""
    with open(f"/proc/{pid}/stat") as file:
        fields = file.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def resident_mb(pid: int) -> float:
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
