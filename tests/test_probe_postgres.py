"""The postgres kind against a real PostgreSQL: figures, thresholds, what a role may not see, a read-only question."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pydantic import ValidationError

from monitors.engine.connections import connection_parameters
from monitors.probes import KINDS, Check
from monitors.probes.postgres import judgement
from monitors.probes.postgres.figures import Backend, Blocked, Figures, Replica, Slot
from monitors.probes.postgres.options import PostgresOptions
from monitors.reasons import REASONS
from monitors.results import ProbeResult, Result
from tests import zoo
from tests.waiting import wait_until
from tests.zoo import Zoo

KIND = KINDS["postgres"]


@pytest.fixture
def dsn(transactional_db: None, monkeypatch: pytest.MonkeyPatch) -> str:
    """The test database as a DSN, also in the environment as PROBED_DSN."""
    parameters = connection_parameters()
    named = {name: parameters.get(name) for name in ("host", "port", "user", "password", "dbname")}
    made = make_conninfo(**{name: value for name, value in named.items() if value})
    monkeypatch.setenv("PROBED_DSN", made)
    return made


def probed(timeout_s: float = 5.0, **options: Any) -> ProbeResult:
    model = KIND.options.model_validate({"dsn": {"env": "PROBED_DSN"}} | options)
    result = asyncio.run(KIND.run(Check(1, "db", "postgres", timeout_s, 10.0, model)))
    assert result.reason in REASONS
    return result


def test_a_healthy_server_is_ok_and_tells_its_figures(dsn: str) -> None:
    result = probed(role="primary", query={"sql": "SELECT 6 * 7", "value": 42})
    assert (result.result, result.reason) == (Result.OK, "ok"), result.sentence
    assert list(result.phases_ms) == ["connect", "select", "figures", "query"]
    assert (result.details or {})["is_replica"] is False


QUESTIONS = [
    pytest.param({"sql": "VALUES (1), (2)", "rows": 2}, "ok", "", id="number of rows"),
    pytest.param({"sql": "SELECT 'fine'", "value": {"matches": "^f"}}, "ok", "", id="a pattern"),
    pytest.param({"sql": "SELECT 1.5::numeric;", "value": {"lt": 2}}, "ok", "", id="a decimal, and a last semicolon"),
    pytest.param({"sql": "SELECT 3", "value": {"lt": 2}}, "query_mismatch", "[value] (3) < 2", id="another value"),
    pytest.param(
        {"sql": "SELECT 1 WHERE false", "value": {"ge": 0}}, "query_mismatch", "no row", id="no row is not zero"
    ),
    pytest.param({"sql": "SELECT NULL", "value": {"lt": 5}}, "query_mismatch", "(null) < 5", id="null is not zero"),
    pytest.param(
        {"sql": "SELECT generate_series(1, 50)", "max_rows": 9}, "query_too_long", "more than 9", id="too many rows"
    ),
    pytest.param({"sql": "SELECT pg_sleep(9)", "timeout": "200ms"}, "query_timeout", "timeout", id="too slow"),
    pytest.param({"sql": "SELECT * FROM no_such_table"}, "query_failed", "no_such_table", id="no such table"),
    pytest.param({"sql": "SELECT nextval('monitors_monitor_id_seq')"}, "query_writes", "read-only", id="writes"),
]


@pytest.mark.parametrize(("question", "reason", "words"), QUESTIONS)
def test_a_question_is_asked_read_only_and_judged(dsn: str, question: dict[str, Any], reason: str, words: str) -> None:
    result = probed(query=question)
    assert result.reason == reason, result.sentence
    assert words in result.sentence


@contextmanager
def session(dsn: str) -> Iterator[psycopg.Connection[Any]]:
    with psycopg.connect(dsn, application_name="importer") as connection:
        yield connection


def test_a_blocked_backend_is_named_with_its_blocker(dsn: str) -> None:
    with session(dsn) as holder, session(dsn) as waiter, ThreadPoolExecutor(1) as beside:
        holder.execute("LOCK TABLE monitors_platform IN ACCESS EXCLUSIVE MODE")
        waiting = beside.submit(waiter.execute, "SELECT count(*) FROM monitors_platform WHERE name = 'private words'")
        try:
            result = wait_until(lambda: (found := probed(max_blocked="10ms")).reason == "backend_blocked" and found)
        finally:
            holder.rollback()
        waiting.result(5)
        holder_pid, waiter_pid = holder.info.backend_pid, waiter.info.backend_pid
    assert result.result is Result.WARN
    assert f"pid {waiter_pid} waits for pid {holder_pid} of " in result.sentence
    assert "importer (idle in transaction)" in result.sentence
    assert "private words" not in (result.evidence or "")


def test_an_idle_and_a_long_transaction_are_told_apart(dsn: str) -> None:
    with session(dsn) as idle:
        idle.execute("SELECT 1")
        wait_until(lambda: probed(max_transaction=None, max_idle_in_transaction="1ms").reason == "transaction_idle")
        result = probed(max_transaction="1ms", max_idle_in_transaction=None)
    assert (result.result, result.reason) == (Result.WARN, "transaction_long")
    assert "importer" in result.sentence


def test_many_connections_warn(dsn: str) -> None:
    result = probed(max_connections_pct=1)
    assert result.result in {Result.WARN, Result.OK}
    with session(dsn), session(dsn), session(dsn):
        assert probed(max_connections_pct=1).reason == "connections_high"


def test_a_swapped_role_fails(dsn: str) -> None:
    result = probed(role="replica")
    assert (result.result, result.reason) == (Result.FAIL, "role_differs")


@pytest.fixture
def stranger(dsn: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A role that may see little, in PROBED_DSN."""
    name = f"stranger_{os.getpid()}"
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"CREATE ROLE {name} LOGIN")  # type: ignore[arg-type]
        monkeypatch.setenv("PROBED_DSN", make_conninfo(dsn, user=name))
        yield name
        connection.execute(f"DROP ROLE {name}")  # type: ignore[arg-type]


def test_what_a_role_may_not_see_is_said_where_it_was_asked_for(dsn: str, stranger: str) -> None:
    with session(dsn) as idle:
        idle.execute("SELECT 1")
        by_default = probed()
        asked_for = probed(max_idle_in_transaction="1ms")
    assert by_default.result is Result.OK
    assert (asked_for.result, asked_for.reason) == (Result.WARN, "monitoring_limited")
    assert "grant pg_monitor" in asked_for.sentence


def test_a_role_without_slots_left_is_exhausted(dsn: str, stranger: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"ALTER ROLE {stranger} CONNECTION LIMIT 0")  # type: ignore[arg-type]
    result = probed()
    assert (result.result, result.reason) == (Result.FAIL, "connections_exhausted")


def test_a_missing_database_is_named(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROBED_DSN", make_conninfo(dsn, dbname="nowhere"))
    result = probed()
    assert (result.reason, "nowhere" in result.sentence) == ("database_missing", True)


def test_a_name_that_does_not_exist_fails_and_a_dsn_of_nonsense_is_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROBED_DSN", "host=db.invalid password=secret-word")
    assert probed().reason == "name_not_found"
    monkeypatch.setenv("PROBED_DSN", "host=db.invalid password='secret-word")
    result = probed()
    assert (result.result, result.reason) == (Result.UNKNOWN, "configuration_unusable")
    assert "secret-word" not in f"{result.sentence}{result.evidence}"


def test_a_server_that_falls_silent_midway_is_left_in_time(dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy that stops forwarding: psycopg alone would wait for the server to confirm the cancel."""
    target = conninfo_to_dict(dsn)

    def forward_a_little(connection: socket.socket) -> None:
        family = socket.AF_UNIX if str(target["host"]).startswith("/") else socket.AF_INET
        place = (
            f"{target['host']}/.s.PGSQL.{target.get('port', 5432)}"
            if family == socket.AF_UNIX
            else (target["host"], int(target["port"]))
        )
        with socket.socket(family) as server:
            server.connect(place)
            for _ in range(2):  # the start of the session, and SELECT 1
                server.sendall(connection.recv(65_536))
                connection.sendall(server.recv(65_536))
            zoo.wait_for_the_end(connection)

    with Zoo(forward_a_little) as proxy:
        host, port = proxy.address.split(":")
        monkeypatch.setenv(
            "PROBED_DSN", make_conninfo(dsn, host=host, port=port, sslmode="disable", gssencmode="disable")
        )
        result = probed(1.0)
    assert (result.result, result.reason) == (Result.FAIL, "timeout")
    assert result.latency_ms is not None
    assert result.latency_ms < 1500


# Figures that this server does not have


def figures(**other: Any) -> Figures:
    usual = {
        "version": "18.0", "is_replica": False, "max_connections": 100, "connections": 10, "hidden": 0, "blocked": [],
        "blocked_count": 0, "transactions": [], "idle_in_transaction": [], "replicas": [], "slots": [],
        "replay_lag_s": None, "freeze_age": 1000,
    }  # fmt: skip
    return Figures(**(usual | other))


def replica(lag_s: float | None, state: str = "streaming") -> Replica:
    return Replica(name="standby-1", state=state, sync_state="async", lag_s=lag_s, lag_bytes=0)


def blocked(seconds: float, blocker_xact_s: float | None) -> Blocked:
    return Blocked(
        pid=7, seconds=seconds, query=None, blocker_pid=5, blocker_user="dba", blocker_application="migration",
        blocker_state="idle in transaction", blocker_xact_s=blocker_xact_s, blocker_query=None,
    )  # fmt: skip


ROWS = [
    pytest.param({}, figures(), None, id="well"),
    pytest.param({"max_replay_lag": "30s"}, figures(replicas=[replica(31)]), "replica_lagging", id="a replica behind"),
    pytest.param({"max_replay_lag": "30s"}, figures(replicas=[replica(None)]), None, id="an idle replica has no lag"),
    pytest.param(
        {"max_replay_lag": "30s"}, figures(is_replica=True, replay_lag_s=99), "replica_lagging", id="itself behind"
    ),
    pytest.param({"min_replicas": 2}, figures(replicas=[replica(0)]), "replica_missing", id="a replica gone"),
    pytest.param(
        {"min_replicas": 1}, figures(replicas=[replica(0, "catchup")]), "replica_missing", id="catching up is not there"
    ),
    pytest.param(
        {},
        figures(slots=[Slot(name="old", active=False, retained_bytes=2e11)]),
        "slot_retains_wal",
        id="a forgotten slot",
    ),
    pytest.param({}, figures(slots=[Slot(name="busy", active=True, retained_bytes=2e11)]), None, id="a slot in use"),
    pytest.param(
        {},
        figures(transactions=[Backend(pid=1, seconds=9e9, user=None, application=None, state="active", query=None)]),
        "transaction_long",
        id="a long transaction",
    ),
    pytest.param({}, figures(blocked=[blocked(31, 31)]), "backend_blocked", id="somebody waits long"),
    pytest.param({}, figures(blocked=[blocked(1, 31)]), "backend_blocked", id="waiters give up, who blocks them stays"),
    pytest.param({}, figures(blocked=[blocked(1, 2)]), None, id="a short wait for a short transaction"),
    pytest.param({}, figures(blocked=[blocked(31, None)]), "backend_blocked", id="a prepared transaction has no age"),
    pytest.param({"max_blocked": None}, figures(blocked=[blocked(99, 99)]), None, id="not asked for"),
]


@pytest.mark.parametrize(("options", "found", "reason"), ROWS)
def test_figures_are_judged(options: dict[str, Any], found: Figures, reason: str | None) -> None:
    model = PostgresOptions.model_validate({"dsn": {"env": "X"}} | options)
    assert [remark.reason for remark in judgement.warnings(model, found)] == ([reason] if reason else [])


def test_old_transaction_ids_fail() -> None:
    model = PostgresOptions.model_validate({"dsn": {"env": "X"}})
    wrong = judgement.failure(model, figures(freeze_age=1_600_000_000))
    assert wrong is not None
    assert wrong.reason == "freeze_age"


REFUSED = [
    pytest.param({"query": {"sql": "DELETE FROM x"}}, "must begin with", id="a write"),
    pytest.param({"query": {"sql": "SELECT 1; DROP TABLE x"}}, "one statement", id="two statements"),
    pytest.param({"dsn": "postgresql://u:p@h/d"}, "env: NAME", id="a DSN in the file"),
    pytest.param({"max_connections_pct": 0}, "greater than or equal to 1", id="0 %"),
    pytest.param({"max_replay_lag": "30"}, "not a duration", id="no unit"),
]


@pytest.mark.parametrize(("options", "words"), REFUSED)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        KIND.options.model_validate({"dsn": {"env": "X"}} | options)
