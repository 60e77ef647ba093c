"""The sandbox's own queue: stopped senders, a cut link, one message lost and one sent twice, each named."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import psycopg
import pytest

from monitors.flow import Word
from monitors.queues import close, link
from tests.queue_watch import Watch
from tests.sandbox.running import Sandbox

RATE = 20.0
HISTORY = """
set search_path to {schema};
insert into counter values ('accepted', 'history', 100000), ('sent', 'history', 100000)
    on conflict (name, instance) do nothing;
"""
WRITE_OFF = "update {schema}.counter set value = value + %s where name = 'sent' and instance = 'history'"


@pytest.fixture(scope="module")
def busy(sandbox_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(sandbox_database_url, tmp_path_factory.mktemp("busy"), rate=RATE, hour_s=100_000) as running:
        yield running


@pytest.fixture
async def watched(busy: Sandbox, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Watch]:
    from monitors.config.sandbox import link as link_of

    status = busy.status()
    monkeypatch.setenv("SANDBOX_DSN", status["database"]["reader_dsn"])
    yield Watch(
        1.0,
        policy={"evident_after_s": 5.0},
        source="sql",
        dsn={"env": "SANDBOX_DSN"},
        query=status["database"]["queue_sql"],
        ledger=True,
        link=link_of(status),
    )
    await close()
    link.READINGS.clear()


def is_moving(watched: Watch) -> bool:
    return watched.error is None and (watched.memory.ack_rate or 0) > 1 and watched.last.consumers == 2


async def test_stopped_senders_are_a_stall_with_cause_and_growing_drain_time(busy: Sandbox, watched: Watch) -> None:
    moving = await watched.until(is_moving, looks=15)
    assert 0 < (moving.delivered_rate or 0) <= (moving.ack_rate or 0)
    busy.break_("senders-stopped")
    try:
        first = await watched.until(lambda w: w.state.word == Word.STALLED, looks=10)
        assert first.cause == "no_consumers"
        assert first.eta is not None
        later = await watched.until(
            lambda w: w.state.eta is not None and first.eta is not None and w.state.eta.seconds > first.eta.seconds
        )
        assert later.eta is not None
        assert later.eta.basis == "at_least"
        assert (watched.last.depth or 0) > RATE
    finally:
        busy.mend("senders-stopped")
    await watched.until(lambda w: w.state.word in (Word.FLOWING, Word.EMPTY), looks=25)
    assert watched.state.missing == 0


async def test_a_cut_link_is_slow_with_its_utilisation(busy: Sandbox, watched: Watch) -> None:
    await watched.until(is_moving, looks=15)
    busy.break_("link-capacity", bits_per_s=30_000)
    try:
        state = await watched.until(lambda w: w.state.word == Word.SLOW, looks=12)
        assert state.cause == "link_full"
        assert (watched.last.utilisation or 0) >= 0.9
        assert " % full" in state.sentence
    finally:
        busy.mend("link-capacity")
    await watched.until(lambda w: w.state.word in (Word.FLOWING, Word.EMPTY), looks=40)


async def test_offline_mode_is_a_stall_on_purpose(busy: Sandbox, watched: Watch) -> None:
    await watched.until(is_moving, looks=15)
    busy.mode("offline")
    try:
        state = await watched.until(lambda w: w.state.word == Word.STALLED, looks=10)
        assert state.cause == "offline_mode"
        assert not state.is_serious
    finally:
        busy.mode("online")


@pytest.mark.parametrize(("fault", "missing"), [("lose", 1), ("duplicate", -1)])
async def test_one_message_in_a_hundred_thousand_is_found(
    busy: Sandbox, watched: Watch, fault: str, missing: int
) -> None:
    with psycopg.connect(busy.database_url) as connection:
        connection.execute(HISTORY.format(schema=busy.schema))
    before = await watched.until(lambda w: is_moving(w) and (w.last.in_total or 0) > 100_000, looks=25)
    assert before.missing == 0
    residual = watched.state.residual or 0
    # Lost is what waits: while the senders are stopped, something does.
    busy.break_("senders-stopped") if fault == "lose" else None
    await watched.until(lambda w: fault != "lose" or (w.last.depth or 0) > 5, looks=10)
    found: Any = None
    try:
        busy.break_(fault, count=1)
        found = await watched.until(lambda w: w.state.missing != 0, looks=15)
    finally:
        busy.mend("senders-stopped") if fault == "lose" else None
    assert found.missing == missing + residual
    set_right(busy, missing)


def set_right(busy: Sandbox, missing: int) -> None:
    """Write the loss off in the ledger, so that the next test begins balanced."""
    with psycopg.connect(busy.database_url) as connection:
        connection.execute(
            f"update {busy.schema}.counter set value = value + %s where name = 'sent' and instance = 'history'",
            [missing],
        )
