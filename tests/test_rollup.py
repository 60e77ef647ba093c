"""Monitors become components: instances, lost sites, dependencies, worst wins."""

from __future__ import annotations

import pytest

from monitors.results import Verdict
from monitors.rollup import Dependency, Member, component_outcome

DATABASE_DOWN = [Dependency("Database", Verdict.DOWN)]


def member(slug: str, verdict: str, site: str = "", zone: str = "", kind: str = "http", since: float = 1.0) -> Member:
    return Member(slug, kind, Verdict(verdict), since, site, zone, "refused", f"{slug} refused.")


@pytest.mark.parametrize(
    ("members", "verdict", "sentence"),
    [
        pytest.param([member("a", "down")], "down", "a refused.", id="a single monitor speaks for itself"),
        pytest.param(
            [member("a", "down", "ec2"), member("b", "up", "dc1"), member("c", "up", "dc1")],
            "degraded",
            "2 of 3 up, site ec2 lost",
            id="a lost site",
        ),
        pytest.param(
            [member("a", "down", "ec2", "a"), member("b", "up", "ec2", "b")],
            "degraded",
            "1 of 2 up, ec2/a down",
            id="a lost zone",
        ),
        pytest.param(
            [member("a", "down", "ec2"), member("b", "down", "dc1")],
            "down",
            "0 of 2 up, site dc1 lost, site ec2 lost",
            id="all instances down",
        ),
        pytest.param(
            [member("a", "up", "ec2"), member("b", "unknown", "dc1")],
            "unknown",
            "1 of 2 up, dc1 unknown",
            id="an instance that nobody sees is never green",
        ),
        pytest.param(
            [member("a", "up", "ec2"), member("b", "up", "dc1"), member("t", "down", kind="tls")],
            "down",
            "t refused.",
            id="worst wins over kinds",
        ),
        pytest.param(
            [member("one.example", "up", kind="domain"), member("two.example", "down", kind="domain")],
            "down",
            "two.example refused.",
            id="things that are no instances of each other do not stand in for each other",
        ),
        pytest.param([], "unknown", "No monitor watches this component.", id="unwatched"),
    ],
)
def test_rollup(members: list[Member], verdict: str, sentence: str) -> None:
    outcome = component_outcome(members, [], now=99)
    assert (outcome.verdict, outcome.sentence) == (verdict, sentence)


def test_a_failing_dependency_explains_and_does_not_hide() -> None:
    outcome = component_outcome([member("a", "down")], DATABASE_DOWN, now=99)
    assert (outcome.verdict, outcome.reason) == (Verdict.DOWN, "dependency_down")
    assert outcome.sentence == "Because Database is down. a refused."


def test_a_component_that_works_does_not_fail_with_its_dependency() -> None:
    assert component_outcome([member("a", "up")], DATABASE_DOWN, now=99).verdict is Verdict.UP


def test_down_begins_with_the_last_instance_and_degraded_with_the_first() -> None:
    all_down = [member("a", "down", "x", since=3), member("b", "down", "y", since=5)]
    one_down = [member("a", "down", "x", since=3), member("b", "up", "y", since=5)]
    assert component_outcome(all_down, [], now=99).since == 5
    assert component_outcome(one_down, [], now=99).since == 3
