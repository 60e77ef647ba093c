"""Own how quantities are put into words for tired people: durations, milliseconds, counts."""

from __future__ import annotations

from collections.abc import Sequence

MINUTE_S = 60
HOUR_S = 3_600
DAY_S = 86_400


def in_words(seconds: float) -> str:
    """At most two units: `12 s`, `4 min 5 s`, `42 min`, `4 h 2 min`, `3 d 5 h`, `21 d`. Below zero counts as zero."""
    s = max(0, round(seconds))
    if s < MINUTE_S:
        return f"{s} s"
    if s < HOUR_S:
        return pair(s, MINUTE_S, "min", 1, "s") if s < 10 * MINUTE_S else f"{s // MINUTE_S} min"
    if s < DAY_S:
        return pair(s, HOUR_S, "h", MINUTE_S, "min")
    return pair(s, DAY_S, "d", HOUR_S, "h") if s < 7 * DAY_S else f"{s // DAY_S} d"


def pair(s: int, large_s: int, large: str, small_s: int, small: str) -> str:
    rest = s % large_s // small_s
    return f"{s // large_s} {large} {rest} {small}" if rest else f"{s // large_s} {large}"


def milliseconds(value: float | None) -> str:
    """`0.4 ms`, `41 ms`, `1.24 s`; an en dash where nothing was reached."""
    if value is None:
        return "\N{EN DASH}"
    if value < 10:
        return f"{value:.1f} ms"
    return f"{value:.0f} ms" if value < 1_000 else f"{value / 1_000:.2f} s"


def count(value: float | None) -> str:
    """`18,406`; an en dash where nothing is known: missing is not zero."""
    return "\N{EN DASH}" if value is None else f"{value:,.0f}"


def rate(per_second: float | None) -> str:
    """`412/s`, `4.2/s`, `7/min`, `0/s`; an en dash where nothing is known."""
    if per_second is None:
        return "\N{EN DASH}"
    if per_second and abs(per_second) < 1:
        return f"{per_second * MINUTE_S:.0f}/min"
    return f"{per_second:.1f}/s" if 0 < abs(per_second) < 10 else f"{per_second:,.0f}/s"


def listed(names: Sequence[str]) -> str:
    """`API`, `API and SMTP`, `API, SMTP and Database`."""
    return " and ".join(filter(None, [", ".join(names[:-1]), *names[-1:]]))
