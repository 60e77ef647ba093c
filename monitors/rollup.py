"""Own what monitors amount to for their component (pure): instances, what it depends on, worst wins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from monitors.results import Verdict
from monitors.verdicts import SEVERITY, Outcome


@dataclass(frozen=True, slots=True)
class Member:
    """One monitor of a component, with the verdict on it. With a site or zone it is an instance of its kind."""

    slug: str
    kind: str
    verdict: Verdict
    since: float
    site: str = ""
    zone: str = ""
    reason: str = ""
    sentence: str = ""

    @property
    def group(self) -> str:
        return self.kind if self.site or self.zone else f"{self.kind} {self.slug}"

    @property
    def place(self) -> str:
        return "/".join(filter(None, (self.site, self.zone))) or self.slug


@dataclass(frozen=True, slots=True)
class Dependency:
    name: str
    verdict: Verdict


def component_outcome(members: Sequence[Member], dependencies: Iterable[Dependency], now: float) -> Outcome:
    """The verdict on a component: worst of its groups of instances, with the dependency that explains it named.

    The verdict itself stays what was measured: a dependency explains, it neither hides nor causes.
    """
    if not members:
        return Outcome(Verdict.UNKNOWN, now, "unwatched", "No monitor watches this component.")
    outcomes = [group_outcome(group) for group in groups(members)]
    worst = max(outcomes, key=lambda outcome: SEVERITY[outcome.verdict])
    alike = [outcome for outcome in outcomes if outcome.verdict is worst.verdict]
    pick = max if worst.verdict is Verdict.UP else min
    first = pick(alike, key=lambda outcome: outcome.since)
    return explained(first, dependencies)


def groups(members: Iterable[Member]) -> list[list[Member]]:
    ordered = sorted(members, key=lambda member: (member.group, member.slug))
    return [list(group) for _, group in groupby(ordered, key=lambda member: member.group)]


def group_outcome(members: Sequence[Member]) -> Outcome:
    """All instances down is down, some is degraded; one that nobody sees leaves the whole unknown."""
    if len(members) == 1:
        only = members[0]
        return Outcome(only.verdict, only.since, only.reason, only.sentence)
    by_verdict = {verdict: [member for member in members if member.verdict is verdict] for verdict in Verdict}
    down, degraded, unknown = (by_verdict[verdict] for verdict in (Verdict.DOWN, Verdict.DEGRADED, Verdict.UNKNOWN))
    sentence = instances_sentence(members)
    if len(down) == len(members):
        return Outcome(Verdict.DOWN, max(member.since for member in down), down[0].reason, sentence)
    if down or degraded:
        bad = [*down, *degraded]
        reason = "instances_down" if down else bad[0].reason
        return Outcome(Verdict.DEGRADED, min(member.since for member in bad), reason, sentence)
    if unknown:
        return Outcome(Verdict.UNKNOWN, min(member.since for member in unknown), unknown[0].reason, sentence)
    return Outcome(Verdict.UP, max(member.since for member in members), members[0].reason, sentence)


def instances_sentence(members: Sequence[Member]) -> str:
    """`2 of 3 up, site ec2 lost`; names zones where only a part of a site is affected."""
    up = sum(member.verdict is Verdict.UP for member in members)
    return ", ".join([f"{up} of {len(members)} up", *lost_sites(members), *troubled_places(members)])


def is_lost(site: str, members: Iterable[Member]) -> bool:
    return bool(site) and all(member.verdict is Verdict.DOWN for member in members if member.site == site)


def lost_sites(members: Sequence[Member]) -> list[str]:
    return [f"site {site} lost" for site in sorted({member.site for member in members}) if is_lost(site, members)]


def troubled_places(members: Sequence[Member]) -> list[str]:
    troubled = (member for member in members if member.verdict is not Verdict.UP and not is_lost(member.site, members))
    return [f"{member.place} {member.verdict}" for member in troubled]


def explained(outcome: Outcome, dependencies: Iterable[Dependency]) -> Outcome:
    causes = [dependency.name for dependency in dependencies if dependency.verdict is Verdict.DOWN]
    if outcome.verdict not in (Verdict.DOWN, Verdict.DEGRADED) or not causes:
        return outcome
    because = f"Because {' and '.join(causes)} {'is' if len(causes) == 1 else 'are'} down. {outcome.sentence}".strip()
    return Outcome(outcome.verdict, outcome.since, "dependency_down", because)
