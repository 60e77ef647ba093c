"""Own the one sentence at the top of the public page: the worst truth first, unknown never as good news."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from monitors.results import Verdict
from monitors.selectors.components import PublicComponent
from monitors.wording import listed

WORST_FIRST = (Verdict.DOWN, Verdict.DEGRADED, Verdict.UNKNOWN, Verdict.UP)
BLIND = "Our measuring has stopped. This says nothing about whether mail is accepted or sent."


@dataclass(frozen=True, slots=True)
class Headline:
    verdict: Verdict
    sentence: str
    detail: str = ""


def headline(components: Sequence[PublicComponent]) -> Headline:
    """Name the affected parts, worst first; no components gives unknown."""
    names = {verdict: [c.name for c in components if c.verdict == verdict] for verdict in WORST_FIRST}
    if not components:
        return Headline(Verdict.UNKNOWN, "Nothing is published here yet.")
    if len(names[Verdict.UP]) == len(components):
        return Headline(Verdict.UP, "Everything that we measure works.")
    if len(names[Verdict.UNKNOWN]) == len(components):
        return Headline(Verdict.UNKNOWN, "We cannot tell the state right now.", BLIND)
    affected = (
        phrase(names[Verdict.DOWN], "out of service"),
        phrase(names[Verdict.DEGRADED], "degraded"),
        phrase(names[Verdict.UNKNOWN], "not measured right now"),
    )
    worst = next(verdict for verdict in WORST_FIRST if names[verdict])
    return Headline(worst, ". ".join(filter(None, affected)) + ".", rest(names[Verdict.UP]))


def phrase(names: Sequence[str], what: str) -> str:
    return f"{listed(names)} {'is' if len(names) == 1 else 'are'} {what}" if names else ""


def rest(names: Sequence[str]) -> str:
    return f"{listed(names)} {'works' if len(names) == 1 else 'work'}." if names else ""
