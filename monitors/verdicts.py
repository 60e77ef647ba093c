"""Own what observations amount to (pure): confirmation, backdating, flapping, and quorum over locations.

Instants are epoch seconds. How monitors amount to components is in `rollup`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from monitors.results import Result, Verdict

FLAP_CHANGES = 4
"""Confirmed changes within the span below that make a monitor flapping: down, up, down, up."""
FLAP_SPAN_INTERVALS = 30
FLAP_SPAN_MIN_S = 300.0
FLAP_SPAN_MAX_S = 3_600.0
FLAP_CALM = 6
"""Equal observations in a row that end flapping."""
MISSED_INTERVALS = 3
MISSED_MIN_S = 20.0
"""A takeover between probers lasts up to 10 s, and must not look like silence."""

SET_BACK_S = 60.0
"""An observation that much older than the last was made by a clock that was set back; a replay is never so old."""

BAD = (Result.FAIL, Result.WARN)
ANSWERED = (Result.OK, Result.WARN)
EXPECTED = {
    Verdict.UP: Result.OK,
    Verdict.DEGRADED: Result.WARN,
    Verdict.DOWN: Result.FAIL,
    Verdict.UNKNOWN: Result.UNKNOWN,
}
VERDICT_BY_RESULT = {result: verdict for verdict, result in EXPECTED.items()}
SEVERITY = {Verdict.UP: 0, Verdict.UNKNOWN: 1, Verdict.DEGRADED: 2, Verdict.DOWN: 3}
"""Worst wins. Unknown is worse than up, so that it is never green, and better than what is known to be bad."""


@dataclass(frozen=True, slots=True)
class Policy:
    """N-of-M both ways."""

    down_after: int = 2
    down_of: int = 3
    up_after: int = 2
    up_of: int = 2
    interval_s: float = 10.0

    @property
    def flap_span_s(self) -> float:
        return min(max(self.interval_s * FLAP_SPAN_INTERVALS, FLAP_SPAN_MIN_S), FLAP_SPAN_MAX_S)


@dataclass(frozen=True, slots=True)
class Seen:
    """One observation, as far as judging needs it."""

    at: float
    result: Result
    reason: str = ""
    sentence: str = ""


@dataclass(frozen=True, slots=True)
class Standing:
    """The verdict on one monitor at one location, and what the next observation is judged against.

    `since` is the first observation that showed the verdict, `confirmed_at` the one that settled it.
    `window` holds the last observations, oldest first; `flips` the latest confirmed changes.
    """

    verdict: Verdict = Verdict.UNKNOWN
    since: float = 0.0
    confirmed_at: float = 0.0
    reason: str = ""
    sentence: str = ""
    is_flapping: bool = False
    window: tuple[Seen, ...] = ()
    flips: tuple[float, ...] = ()

    @property
    def last_at(self) -> float:
        """The last observation that was judged."""
        return self.window[-1].at if self.window else self.since

    def set_back(self, now: float) -> Standing:
        """The same verdict after the clock was set back: what it saw lies in a future that will come again."""
        past = tuple(seen for seen in self.window if seen.at < now)
        flips = tuple(at for at in self.flips if at < now)
        since, confirmed_at = min(self.since, now), min(self.confirmed_at, now)
        return replace(self, window=past, flips=flips, since=since, confirmed_at=confirmed_at)

    def with_window(self, window: tuple[Seen, ...]) -> Standing:
        """`dataclasses.replace` costs four times as much, and this happens at every check."""
        return Standing(
            self.verdict,
            self.since,
            self.confirmed_at,
            self.reason,
            self.sentence,
            self.is_flapping,
            window,
            self.flips,
        )


def fold(standing: Standing, observations: Iterable[Seen], policy: Policy) -> Iterator[Standing]:
    """The standing after each observation. Order of arrival does not matter, an instant seen before is skipped."""
    last_at = standing.last_at
    for seen in sorted(observations, key=lambda seen: seen.at):
        if seen.at < last_at - SET_BACK_S:
            standing, last_at = standing.set_back(seen.at), seen.at - SET_BACK_S
        if seen.at > last_at:
            last_at, standing = seen.at, observe(standing, seen, policy)
            yield standing


def observe(standing: Standing, seen: Seen, policy: Policy) -> Standing:
    """The standing after one more observation, later than all before it."""
    length = FLAP_CALM if standing.is_flapping else max(policy.down_of, policy.up_of)
    window = (*standing.window, seen)[-length:]
    standing = standing.with_window(window)
    if standing.is_flapping:
        return calmed(standing, seen)
    if seen.result is EXPECTED[standing.verdict]:
        return standing
    evidence = [entry for entry in window if entry.at >= standing.since]
    verdict = confirmed(standing.verdict, evidence, policy)
    if verdict is None or verdict is standing.verdict:
        return standing
    return changed(standing, verdict, seen, evidence, policy)


def confirmed(standing: Verdict, entries: Sequence[Seen], policy: Policy) -> Verdict | None:
    """The verdict that the latest observation confirms, or None. It improves on a good one, worsens on a bad one."""
    latest = entries[-1].result if entries else None
    down, up = [seen.result for seen in entries[-policy.down_of :]], [seen.result for seen in entries[-policy.up_of :]]
    if latest is Result.FAIL and down.count(Result.FAIL) >= policy.down_after:
        return Verdict.DOWN
    if latest is Result.UNKNOWN and down.count(Result.UNKNOWN) >= policy.down_after:
        return Verdict.UNKNOWN
    if latest is Result.OK and up.count(Result.OK) >= policy.up_after:
        return Verdict.UP
    if standing is Verdict.DOWN:
        answered = sum(result in ANSWERED for result in up)
        return Verdict.DEGRADED if latest in ANSWERED and answered >= policy.up_after else None
    bad = sum(result in BAD for result in down)
    return Verdict.DEGRADED if latest in BAD and bad >= policy.down_after else None


def changed(standing: Standing, verdict: Verdict, seen: Seen, evidence: Sequence[Seen], policy: Policy) -> Standing:
    flips = tuple(at for at in standing.flips if at > seen.at - policy.flap_span_s)
    # What we could not see, or only begin to see, is no change of the world.
    if Verdict.UNKNOWN not in (standing.verdict, verdict):
        flips = (*flips, seen.at)
    is_flapping = len(flips) >= FLAP_CHANGES
    # Only what confirms it tells when it began: a hiccup before the outage, or amid it, is neither start nor end.
    is_easing = verdict is Verdict.UP or (standing.verdict, verdict) == (Verdict.DOWN, Verdict.DEGRADED)
    evidence = evidence[-(policy.up_of if is_easing else policy.down_of) :]
    since = first_showing(verdict, standing, evidence, seen.at)
    if is_flapping:
        bad = seen if seen.result in BAD else standing
        reason, sentence, verdict = "flapping", flapping_sentence(flips, bad.sentence), Verdict.DEGRADED
    else:
        telling = telling_of(verdict, evidence, seen)
        reason, sentence = telling.reason, telling.sentence
    return replace(
        standing,
        verdict=verdict,
        since=standing.since if verdict is standing.verdict else since,
        confirmed_at=seen.at,
        reason=reason,
        sentence=sentence,
        is_flapping=is_flapping,
        flips=flips,
    )


def first_showing(verdict: Verdict, standing: Standing, evidence: Sequence[Seen], otherwise: float) -> float:
    """The first observation that showed the verdict, later than the standing's own start."""
    if verdict is not Verdict.DEGRADED:
        showing: tuple[Result, ...] = (EXPECTED[verdict],)
    else:
        showing = ANSWERED if standing.verdict is Verdict.DOWN else BAD
    return next((seen.at for seen in evidence if seen.result in showing and seen.at > standing.since), otherwise)


def telling_of(verdict: Verdict, evidence: Sequence[Seen], seen: Seen) -> Seen:
    """The observation that says why. After an outage a good one may confirm what a slow one before it made degraded."""
    if verdict is Verdict.DEGRADED and seen.result is Result.OK:
        return next((entry for entry in reversed(evidence) if entry.result is Result.WARN), seen)
    return seen


def flapping_sentence(flips: Sequence[float], bad: str) -> str:
    """With what was wrong each time it was bad: that it flaps is no reason to hide the reason."""
    minutes = max(round((flips[-1] - flips[0]) / 60), 1)
    return f"Flapping: {len(flips)} confirmed changes in {minutes} min." + (f" Last wrong: {bad}" if bad else "")


def calmed(standing: Standing, seen: Seen) -> Standing:
    """A flapping monitor stays one thing until its observations agree for a while."""
    if len(standing.window) < FLAP_CALM or len({entry.result for entry in standing.window}) > 1:
        return standing
    verdict = VERDICT_BY_RESULT[seen.result]
    since = standing.since if verdict is standing.verdict else max(standing.window[0].at, standing.since)
    return replace(
        standing,
        verdict=verdict,
        since=since if since > standing.since or verdict is standing.verdict else seen.at,
        confirmed_at=seen.at,
        reason=seen.reason,
        sentence=seen.sentence,
        is_flapping=False,
        flips=(),
    )


def is_unsettled(standing: Standing, result: Result) -> bool:
    """Whether the result contradicts the verdict, so that an early second look is worth its cost."""
    return not standing.is_flapping and result is not EXPECTED[standing.verdict]


@dataclass(frozen=True, slots=True)
class Report:
    """One location's standing on a monitor. Silent locations (`is_live` false) have no voice."""

    location: str
    verdict: Verdict
    since: float
    reason: str = ""
    sentence: str = ""
    is_flapping: bool = False
    is_live: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict on a monitor or a component, ready to be written."""

    verdict: Verdict
    since: float
    reason: str = ""
    sentence: str = ""
    is_flapping: bool = False


def stale_after_s(interval_s: float, timeout_s: float) -> float:
    """Silence that long means that nothing live reports."""
    return max(interval_s * MISSED_INTERVALS, MISSED_MIN_S) + timeout_s


def quorum(reports: Sequence[Report], now: float) -> Outcome:
    """The verdict over all locations: down when more than half of those that know say so, degraded when any does.

    Nobody live, or nobody that knows: unknown. Backdated to the moment when enough locations agreed.
    """
    if len(reports) == 1 and reports[0].is_live:
        only = reports[0]
        return Outcome(only.verdict, only.since, only.reason, only.sentence, only.is_flapping)
    voices = [report for report in reports if report.is_live and report.verdict is not Verdict.UNKNOWN]
    if not voices:
        return Outcome(Verdict.UNKNOWN, now, "no_report", "No live prober reports on this monitor.")
    down = sorted((report for report in voices if report.verdict is Verdict.DOWN), key=lambda report: report.since)
    needed = len(voices) // 2 + 1
    if len(down) >= needed:
        return spoken(Verdict.DOWN, down, down[needed - 1].since, len(voices))
    bad = [report for report in voices if report.verdict is not Verdict.UP]
    if bad:
        return spoken(Verdict.DEGRADED, bad, min(report.since for report in bad), len(voices))
    return Outcome(Verdict.UP, max(report.since for report in voices), voices[0].reason, voices[0].sentence)


def spoken(verdict: Verdict, bad: Sequence[Report], since: float, voices: int) -> Outcome:
    places = ", ".join(sorted(report.location for report in bad))
    worst = max(bad, key=lambda report: SEVERITY[report.verdict])
    prefix = "" if voices == 1 else f"From {len(bad)} of {voices} locations ({places}): "
    return Outcome(verdict, since, worst.reason, prefix + worst.sentence, any(report.is_flapping for report in bad))
