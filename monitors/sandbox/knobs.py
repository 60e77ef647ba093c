"""Own what a fault may change inside one instance while it runs."""

from __future__ import annotations

from dataclasses import dataclass, field

LINK_BITS_PER_S = 8_000_000  # the load needs some 0.4 Mbit/s at its mean and 1 Mbit/s at its peaks


@dataclass(frozen=True, slots=True)
class Knobs:
    """All at rest by default: an instance without faults. `records`: what ails a DNS record, by the record's name."""

    slow_s: float = 0.0
    error_ratio: float = 0.0
    is_expired: bool = False
    is_tempfailing: bool = False
    is_stuck: bool = False
    ignores_mode: bool = False
    bits_per_s: int = LINK_BITS_PER_S
    weights: tuple[int, ...] = ()
    records: dict[str, str] = field(default_factory=dict)
