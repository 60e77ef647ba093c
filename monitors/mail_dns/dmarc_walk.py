"""Own the DNS tree walk: whose record speaks for a name, and what its organisation is (RFC 9989 section 4.10)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from monitors.mail_dns.dmarc_record import DmarcRecord, is_dmarc, lowered, parse_dmarc
from monitors.mail_dns.facts import Facts
from monitors.resolver import Answer

LABELS_AFTER_SHORTCUT = 7
"""Names of eight labels or more jump to seven, so that a walk costs eight questions at most."""


@dataclass(frozen=True, slots=True)
class Step:
    """One name of a walk. `record` is None when there is none, or several: those are all discarded."""

    name: str
    answer: Answer | None
    record: DmarcRecord | None
    discarded: int = 0


@dataclass(frozen=True, slots=True)
class Walk:
    steps: tuple[Step, ...]

    @property
    def found(self) -> tuple[Step, ...]:
        return tuple(step for step in self.steps if step.record is not None)

    @property
    def unanswered(self) -> tuple[Answer, ...]:
        return tuple(step.answer for step in self.steps if step.answer is not None and not step.answer.is_known)

    @property
    def organization(self) -> str:
        """The Organizational Domain (section 4.10.2); the start itself where no record was found."""
        start = self.steps[0].name
        for step in self.found:
            if step.record is not None and step.record.psd == "n":
                return step.name
            if step.record is not None and step.record.psd == "y" and step.name != start:
                return _one_label_below(step.name, start)
        return self.found[-1].name if self.found else start

    @property
    def speaker(self) -> Step | None:
        """Whose record applies: the start's own, else its organisation's, else the public suffix's (section 4.10.1)."""
        by_name = {step.name: step for step in self.found}
        start = self.steps[0].name
        if start in by_name:
            return by_name[start]
        if self.organization in by_name:
            return by_name[self.organization]
        return next((step for step in self.found if step.record is not None and step.record.psd == "y"), None)


@dataclass(frozen=True, slots=True)
class Effective:
    """What receivers are asked to do with mail that fails. `policy` None: DMARC does not apply; '?' : not known."""

    policy: str | None
    published_at: str | None
    tag: str
    published: str | None
    is_testing: bool = False


def targets(name: str) -> Iterator[str]:
    """The names of a walk in order: never more than eight (section 4.10 steps 3, 4 and 7)."""
    labels = name.split(".")
    yield name
    rest = labels[1:] if len(labels) <= LABELS_AFTER_SHORTCUT else labels[-LABELS_AFTER_SHORTCUT:]
    for at in range(len(rest)):
        yield ".".join(rest[at:])


def walk(facts: Facts, name: str, *, without_own: bool = False) -> Walk:
    """Walk up from a name. `without_own` walks from a name that is known to publish nothing itself."""
    steps: list[Step] = []
    for target in targets(name):
        if without_own and target == name:
            steps.append(Step(target, None, None))
            continue
        step = _step(target, facts.dns(f"_dmarc.{target}", "TXT"))
        steps.append(step)
        if step.record is not None and step.record.psd in {"y", "n"}:
            break
    return Walk(tuple(steps))


def dmarc_texts(answer: Answer) -> tuple[str, ...]:
    return tuple(text for text in answer.values if is_dmarc(text))


def effective(made: Walk, kind: str) -> Effective:
    """The policy for the name that the walk began at, being an author `domain`, or `existing` or `missing` in DNS."""
    speaker = made.speaker
    if speaker is None or speaker.record is None:
        return Effective("?" if made.unanswered else None, None, "", None)
    own = speaker.name == made.steps[0].name
    policy, tag = speaker.record.asked_for("domain" if own else kind)
    if policy is None:
        return Effective(None, speaker.name, "", None)
    softened = lowered(policy) if speaker.record.is_testing else policy
    return Effective(softened, speaker.name, tag, policy, speaker.record.is_testing)


def _step(name: str, answer: Answer) -> Step:
    found = dmarc_texts(answer)
    if len(found) != 1:
        return Step(name, answer, None, len(found))
    return Step(name, answer, parse_dmarc(found[0]))


def _one_label_below(suffix: str, start: str) -> str:
    labels = start.split(".")
    return ".".join(labels[-(suffix.count(".") + 2) :])
