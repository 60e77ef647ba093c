"""Own the arithmetic of a weighted pool: counted answers against declared weights, by chi-square."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

LEAST_EXPECTED = 5.0
"""Below this expected count the chi-square approximation does not hold; such members are judged together."""
SURPRISE = 0.001
"""A warning on a pool in order, once in a thousand samples; confirmation over several takes the rest."""
SURELY_SEEN = -math.log(SURPRISE)
"""A member expected this often is missing from a sample by chance with probability `SURPRISE`."""


@dataclass(frozen=True, slots=True)
class Share:
    """One address of the pool. `weight` is None for an address that is no member."""

    address: str
    weight: int | None
    seen: int
    expected: float

    @property
    def is_missing(self) -> bool:
        return self.seen == 0 and self.expected > SURELY_SEEN

    def __str__(self) -> str:
        return f"{self.address} {self.seen} of {self.expected:.0f} expected"


@dataclass(frozen=True, slots=True)
class Shares:
    """A sample against the weights. `chi_square` and `p` are None where nothing can be compared."""

    total: int
    shares: tuple[Share, ...]
    chi_square: float | None
    degrees: int
    p: float | None

    @property
    def strangers(self) -> tuple[Share, ...]:
        return tuple(share for share in self.shares if share.weight is None)

    @property
    def drained_but_seen(self) -> tuple[Share, ...]:
        return tuple(share for share in self.shares if share.weight == 0 and share.seen)

    @property
    def missing(self) -> tuple[Share, ...]:
        return tuple(share for share in self.shares if share.is_missing)

    @property
    def is_skewed(self) -> bool:
        return self.p is not None and self.p < SURPRISE


def shares(counts: Mapping[str, int], weights: Mapping[str, int]) -> Shares:
    """Compare counted answers per address with the weights of the members; addresses in their given order."""
    total = sum(counts.values())
    whole = sum(weights.values())
    members = [
        Share(address, weight, counts.get(address, 0), total * weight / whole if whole else 0.0)
        for address, weight in weights.items()
    ]
    strangers = [Share(address, None, seen, 0.0) for address, seen in counts.items() if address not in weights]
    cells = _cells(members)
    if len(cells) < 2:
        return Shares(total, (*members, *strangers), None, 0, None)
    chi_square = sum((seen - expected) ** 2 / expected for seen, expected in cells)
    degrees = len(cells) - 1
    return Shares(total, (*members, *strangers), chi_square, degrees, survival(chi_square, degrees))


def _cells(members: list[Share]) -> list[tuple[float, float]]:
    """(seen, expected) of the members with weight; those expected too rarely in one cell, if that is enough."""
    counted = [member for member in members if member.expected > 0]
    cells = [(float(one.seen), one.expected) for one in counted if one.expected >= LEAST_EXPECTED]
    rare = [one for one in counted if one.expected < LEAST_EXPECTED]
    expected = sum(one.expected for one in rare)
    if expected >= LEAST_EXPECTED:
        cells.append((float(sum(one.seen for one in rare)), expected))
    return cells


def survival(chi_square: float, degrees: int) -> float:
    """P(X >= chi_square) of the chi-square distribution, exact (Abramowitz and Stegun 26.4.4 and 26.4.5)."""
    half = chi_square / 2
    if half <= 0:
        return 1.0
    if degrees % 2 == 0:
        exponents = [float(power) for power in range(degrees // 2)]
        start = 0.0
    else:
        exponents = [power + 0.5 for power in range((degrees - 1) // 2)]
        start = math.erfc(math.sqrt(half))
    # By logarithms, since half to a high power overflows before exp(-half) makes it small.
    return min(
        1.0, start + sum(math.exp(power * math.log(half) - half - math.lgamma(power + 1)) for power in exponents)
    )
