"""Own the `postgres` kind: connect, select 1, look at the server's figures, and ask the operator's own question."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict

from monitors.evidence import excerpt
from monitors.options import SecretError
from monitors.probes.attempt import Attempt, attempted
from monitors.probes.expectations import Comparison, mismatch
from monitors.probes.faults import Fault
from monitors.probes.kind import Check, Kind
from monitors.probes.postgres import judgement
from monitors.probes.postgres.figures import FIGURES_SQL, Figures
from monitors.probes.postgres.options import PostgresOptions, Question
from monitors.results import ProbeResult, Result

LAST_MOMENT_S = 0.02
"""Our hang-up comes this much before the deadline: psycopg answers a cancel by asking the silent server to cancel."""

# libpq's words, for an error before the session carries no SQLSTATE. In order; the server may speak another language.
WORDS_OF_CONNECTING = (
    ("too many clients", "connections_exhausted"),
    ("remaining connection slots", "connections_exhausted"),
    ("too many connections", "connections_exhausted"),
    ("authentication failed", "auth_failed"),
    ("no password supplied", "auth_failed"),
    ("no pg_hba.conf entry", "auth_failed"),
    ("starting up", "starting_up"),
    ("shutting down", "shutting_down"),
    ("does not exist", "database_missing"),
    ("connection refused", "refused"),
    ("no such file or directory", "refused"),
    ("reset by peer", "reset"),
    ("certificate verify failed", "certificate_untrusted"),
    ("does not support ssl", "tls_refused"),
    ("invalid response to ssl", "not_postgres"),
    ("expected authentication request", "not_postgres"),
    ("received invalid response", "not_postgres"),
    ("closed the connection", "closed"),
    ("network is unreachable", "no_route"),
    ("[errno -2]", "name_not_found"),
    ("[errno -5]", "name_not_found"),
    ("failed to resolve", "resolver_failed"),
)
OURS = {"no_route", "resolver_failed"}
REASON_BY_SQLSTATE = {
    "53300": "connections_exhausted",
    "57014": "query_timeout",
    "42501": "permission_missing",
    "25006": "query_writes",
    "57P01": "shutting_down",
    "57P03": "starting_up",
}


def connection_fault(error: psycopg.Error) -> Fault:
    words = excerpt(str(error), 300).removeprefix("connection failed: ")
    lower = words.lower()
    reason = next((reason for part, reason in WORDS_OF_CONNECTING if part in lower), "postgres_refused")
    return Fault(reason, f"no connection: {words}", Result.UNKNOWN if reason in OURS else Result.FAIL)


def query_fault(error: psycopg.Error) -> Fault:
    reason = REASON_BY_SQLSTATE.get(error.sqlstate or "", "query_failed" if error.sqlstate else "closed")
    # Without the lines below it, which show our own way of asking.
    words = excerpt(error.diag.message_primary or str(error), 300)
    return Fault(reason, f"the server broke off: {words}" if reason == "closed" else words)


@contextmanager
def hanging_up_in_time(attempt: Attempt, connection: psycopg.AsyncConnection[Any]) -> Iterator[None]:
    """Shut the socket down just before the deadline: libpq then ends at once, however silent the server is."""
    fired = False

    def hang_up() -> None:
        nonlocal fired
        fired = True
        with socket.socket(fileno=socket.dup(connection.fileno())) as copy:
            copy.shutdown(socket.SHUT_RDWR)

    timer = asyncio.get_running_loop().call_later(max(0.0, attempt.left_s - LAST_MOMENT_S), hang_up)
    try:
        yield
    except psycopg.Error as error:
        if fired:
            raise TimeoutError from error
        raise query_fault(error) from error
    finally:
        timer.cancel()


async def converse(attempt: Attempt) -> ProbeResult:
    options: PostgresOptions = attempt.check.options
    connection = await connect(attempt, options)
    try:
        with hanging_up_in_time(attempt, connection):
            attempt.begin("select")
            await connection.execute("SELECT 1")
            attempt.begin("figures")
            figures = await look(attempt, connection)
            if options.query is not None:
                attempt.begin("query")
                await inquire(attempt, connection, options.query)
    finally:
        await connection.close()
    return judged(attempt, options, figures)


async def connect(attempt: Attempt, options: PostgresOptions) -> psycopg.AsyncConnection[Any]:
    dsn = options.dsn.reveal()
    try:
        known = conninfo_to_dict(dsn)
    except psycopg.ProgrammingError as error:
        raise Fault("configuration_unusable", "the DSN cannot be read", Result.UNKNOWN) from error
    attempt.secrets += [str(known["password"]), dsn] if known.get("password") else []
    attempt.begin("connect")
    try:
        connection = await psycopg.AsyncConnection.connect(dsn, autocommit=True, application_name="standpipe")
    except psycopg.Error as error:
        raise connection_fault(error) from error
    attempt.is_reached = True
    facts = connection.info
    attempt.transcript.remark(f"connected to {facts.host} port {facts.port}, database {facts.dbname}, as {facts.user}")
    return connection


async def look(attempt: Attempt, connection: psycopg.AsyncConnection[Any]) -> Figures:
    row = await (await connection.execute(FIGURES_SQL)).fetchone()
    assert row is not None
    figures = Figures.model_validate_json(row[0])
    attempt.transcript.heard(json.dumps(figures.shown(), indent=1))
    names = {"version", "is_replica", "connections", "max_connections", "blocked_count", "replay_lag_s", "freeze_age"}
    attempt.details |= figures.model_dump(include=names)
    return figures


async def inquire(attempt: Attempt, connection: psycopg.AsyncConnection[Any], question: Question) -> None:
    """Ask, in a transaction that cannot write, at most `max_rows` rows of it. Raises Fault if the answer differs."""
    attempt.transcript.sent(question.sql)
    milliseconds = round(question.timeout.total_seconds() * 1000)
    async with connection.transaction():
        await connection.execute("SET TRANSACTION READ ONLY")
        await connection.execute("SELECT set_config('statement_timeout', %s, true)", [str(milliseconds)])
        async with connection.cursor(name="standpipe_question") as cursor:
            await cursor.execute(question.sql)
            rows = await cursor.fetchmany(question.max_rows + 1)
    attempt.transcript.heard("\n".join(excerpt(str(row), 200) for row in rows[:10]) or "no rows")
    if len(rows) > question.max_rows:
        raise Fault("query_too_long", f"the query gives more than {question.max_rows} rows")
    if difference := _difference(question, rows):
        raise Fault("query_mismatch", difference)


def _difference(question: Question, rows: list[tuple[Any, ...]]) -> str | None:
    if question.rows is not None and (words := mismatch("rows", len(rows), question.rows)):
        return words
    if "value" not in question.model_fields_set:
        return None
    if not rows:
        wish = question.value if not isinstance(question.value, Comparison) else "a value"
        return f"[value] (absent) == {wish!r}: the query gives no row"
    return mismatch("value", as_json(rows[0][0]), question.value)


def as_json(value: Any) -> Any:
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, datetime | date) else value


def judged(attempt: Attempt, options: PostgresOptions, figures: Figures) -> ProbeResult:
    if wrong := judgement.failure(options, figures):
        raise Fault(wrong.reason, wrong.sentence)
    attempt.warnings.extend(judgement.warnings(options, figures))
    attempt.warn_if_slower_than(options.under)
    counted = f"{figures.connections} of {figures.max_connections} connections"
    return attempt.succeed(f"select 1 in {attempt.phase_ms('select'):.1f} ms, {counted}")


async def run(check: Check) -> ProbeResult:
    return await attempted(check, converse)


def host(options: PostgresOptions) -> str:
    """The server of the DSN; when it cannot be read, something that limits nobody else."""
    try:
        return host_of(options.dsn.reveal())
    except SecretError:
        return "postgres"


@lru_cache(maxsize=1000)
def host_of(dsn: str) -> str:
    try:
        return str(conninfo_to_dict(dsn).get("host") or "localhost")
    except psycopg.ProgrammingError:
        return "postgres"


KIND = Kind("postgres", PostgresOptions, run, host=host)
