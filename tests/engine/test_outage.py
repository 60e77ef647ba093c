"""Postgres may stop and probers may be killed: every observation is there in the end, once, and no verdict moved."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise

import pytest

from tests.engine.world import World, made_world
from tests.waiting import wait_until

TAKEOVER = timedelta(seconds=10)
OUTAGE_CHECKS = int(os.environ.get("OUTAGE_CHECKS", "5"))
"""How many times each monitor must have been checked while Postgres is stopped; one check a second."""


@pytest.fixture(scope="module")
def whole_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with made_world(tmp_path_factory.mktemp("world")) as world:
        yield world


@pytest.fixture
def world(whole_world: World) -> Iterator[World]:
    yield whole_world
    if not whole_world.postgres.processes:
        whole_world.postgres.resume()
    whole_world.settle()


def instants(seen: set[tuple[str, str]], slug: str) -> list[datetime]:
    return sorted(datetime.fromisoformat(at) for name, at in seen if name == slug)


def test_postgres_stopped_under_load_loses_nothing_and_turns_no_verdict(world: World) -> None:
    steady, failing = world.target(), world.target()
    slugs = world.watch("outage", steady, count=40, every_s=1)
    [doomed] = world.watch("outage", failing, count=1, every_s=1)
    prober = world.prober("outage")
    world.wait_until_up("outage", 41)
    before = Counter(slug for slug, _ in prober.printed)
    world.postgres.halt()
    failing.close()

    def is_probed_on() -> bool:
        now = Counter(slug for slug, _ in prober.printed)
        return all(now[slug] >= before[slug] + OUTAGE_CHECKS for slug in slugs)

    wait_until(is_probed_on, within=OUTAGE_CHECKS + 10)
    during = prober.printed
    world.postgres.resume()
    wait_until(lambda: during <= set(world.stored("outage")), within=20, reason="not everything was replayed")
    assert prober.end() == 0
    stored = world.stored("outage")
    assert prober.printed == set(stored)
    assert len(stored) == len(set(stored))
    # Start-time scheduling: one second from slot to slot, the outage included, once the early second looks are over.
    for slug in slugs:
        gaps = {after - at for at, after in pairwise(instants(prober.printed, slug)[2:])}
        assert gaps == {timedelta(seconds=1)}
    changes = world.changes("outage")
    assert Counter(row[2] for row in changes if row[0] != doomed) == {"up": 40}
    down = [row for row in changes if row[2] == "down"]
    assert [(row[0], row[4]) for row in down] == [(doomed, "refused")]
    assert down[0][3] in instants(during, doomed)


def test_a_killed_prober_is_taken_over(world: World) -> None:
    slugs = world.watch("takeover", world.target(), count=20, every_s=1)
    first, second = world.prober("takeover"), world.prober("takeover")
    wait_until(lambda: len({slug for slug, _ in first.printed}) >= 10 <= len({slug for slug, _ in second.printed}), 20)
    world.wait_until_up("takeover", 20)
    first.kill()
    killed = {slug: len(instants(second.printed, slug)) for slug in slugs}
    wait_until(lambda: all(len(instants(second.printed, slug)) > killed[slug] + 2 for slug in slugs), within=15)
    assert second.end() == 0
    stored = set(world.stored("takeover"))
    gaps = [after - at for slug in slugs for at, after in pairwise(instants(stored, slug))]
    assert max(gaps) < TAKEOVER
    assert {row[2] for row in world.changes("takeover")} == {"up"}


def test_what_a_killed_prober_spooled_is_stored_by_the_next(world: World) -> None:
    world.watch("legacy", world.target(), count=5, every_s=0.5)
    first = world.prober("legacy")
    world.wait_until_up("legacy", 5)
    world.postgres.halt()
    before = len(first.printed)
    wait_until(lambda: len(first.printed) >= before + 15, within=10)
    spooled = wait_until(lambda: first.printed)
    wait_until(lambda: len(first.printed) >= len(spooled) + 10, within=10)
    first.kill()
    world.postgres.resume()
    second = world.prober("legacy")
    wait_until(lambda: spooled <= set(world.stored("legacy")), within=20, reason="the spool was not adopted")
    wait_until(lambda: len({slug for slug, _ in second.printed}) == 5, within=15)
    assert second.end() == 0
    assert len(world.stored("legacy")) == len(set(world.stored("legacy")))
    assert not list((world.directory / "data" / "spool").glob("*/observations.jsonl"))
