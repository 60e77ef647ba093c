"""Own queues in a SQL table: one read-only query of ours to the customer's Postgres, one row, one snapshot.

A single statement sees a single snapshot, so depth and totals fit together to the last message: this is the
source that finds one lost in any number.
"""

from __future__ import annotations

import asyncio
import contextlib
from datetime import UTC, datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlsplit

import psycopg
from psycopg.rows import dict_row

from monitors.flow import Sample
from monitors.queues.source import (
    Ask,
    RefusedError,
    SafeAddress,
    Source,
    SourceError,
    SourceOptions,
    UnreachableError,
    UnreadableError,
    revealed,
    whole,
)

COUNTS = ("depth", "in_total", "out_total", "delivered_total", "consumers", "in_flight")
TIMES = ("oldest_at", "oldest_age_s")
WORDS = ("epoch", "blocked", "held")
KNOWN = {*COUNTS, *TIMES, *WORDS, "utilisation"}
IDLE_PER_DATABASE = 4

Idle = dict[tuple[asyncio.AbstractEventLoop, str], list[psycopg.AsyncConnection[Any]]]
IDLE: Idle = {}


class SqlOptions(SourceOptions):
    """The query gives one row; its columns are named depth, in_total, out_total, delivered_total, oldest_at or
    oldest_age_s, consumers, in_flight, utilisation, epoch, blocked, held: those that it can tell.

    `exact`: depth and totals agree to the last message. `ledger`: and the totals count from the first.
    """

    source: Literal["sql"]
    dsn: SafeAddress
    query: str
    exact: bool = True
    ledger: bool = False


async def read(ask: Ask) -> list[Sample]:
    options: SqlOptions = ask.options
    dsn = revealed(options.dsn)
    try:
        async with asyncio.timeout(ask.deadline_s):
            row = await ask_once(dsn, options.query, ask.deadline_s)
    except TimeoutError as error:
        raise UnreachableError("timeout", f"The query did not finish within {ask.deadline_s:.3g} s.") from error
    except psycopg.Error as error:
        raise typed(error) from error
    return [sample(row, datetime.now(UTC))]


async def ask_once(dsn: str, query: str, deadline_s: float) -> dict[str, Any]:
    """The only row, over a pooled connection. A broken connection is dropped and replaced once."""
    connection = take_idle(dsn)
    if connection is not None:
        try:
            return await row_of(connection, dsn, query)
        except psycopg.OperationalError:
            if not connection.broken:
                raise
    return await row_of(await connect(dsn, deadline_s), dsn, query)


async def connect(dsn: str, deadline_s: float) -> psycopg.AsyncConnection[Any]:
    # The server ends what we no longer wait for, and refuses to write whatever the query says.
    limits = f"-c default_transaction_read_only=on -c statement_timeout={int(deadline_s * 1000)}"
    return await psycopg.AsyncConnection.connect(
        dsn,
        autocommit=True,
        row_factory=dict_row,
        connect_timeout=max(int(deadline_s), 2),
        application_name="standpipe queues",
        options=f"{psycopg.conninfo.conninfo_to_dict(dsn).get('options', '')} {limits}".strip(),
    )


async def row_of(connection: psycopg.AsyncConnection[Any], dsn: str, query: str) -> dict[str, Any]:
    try:
        cursor = await connection.execute(query)
        rows = await cursor.fetchmany(2) if cursor.description else []
    except BaseException:
        # A cancelled or failed query may leave an answer under way: nobody else may read it.
        await connection.close()
        raise
    await give_back(connection, dsn)
    if len(rows) != 1:
        raise UnreadableError("not_one_row", f"The query gave {'no row' if not rows else 'more than one row'}.")
    return dict(rows[0])


def take_idle(dsn: str) -> psycopg.AsyncConnection[Any] | None:
    idle = IDLE.get((asyncio.get_running_loop(), dsn), [])
    while idle:
        connection = idle.pop()
        if not connection.closed:
            return connection
    return None


async def give_back(connection: psycopg.AsyncConnection[Any], dsn: str) -> None:
    idle = IDLE.setdefault((asyncio.get_running_loop(), dsn), [])
    if len(idle) < IDLE_PER_DATABASE:
        idle.append(connection)
    else:
        await connection.close()


async def close() -> None:
    """End the idle connections of this event loop."""
    loop = asyncio.get_running_loop()
    for key in [key for key in IDLE if key[0] is loop]:
        for connection in IDLE.pop(key):
            with contextlib.suppress(psycopg.Error):
                await connection.close()


def typed(error: psycopg.Error) -> SourceError:
    said = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if isinstance(error, psycopg.errors.QueryCanceled):
        return UnreachableError("timeout", "The database ended the query after its time.")
    if error.sqlstate and error.sqlstate.startswith("28"):
        return RefusedError("unauthorised", f"The database refused the login: {said}")
    if error.sqlstate and error.sqlstate.startswith(("42", "25006")):
        return RefusedError("bad_query", f"The database refused the query: {said}")
    if isinstance(error, psycopg.OperationalError):
        return UnreachableError("unreachable", f"The database cannot be reached: {said}")
    return UnreadableError("bad_query", f"The query failed: {said}")


def sample(row: dict[str, Any], now: datetime) -> Sample:
    unknown = row.keys() - KNOWN
    if unknown:
        raise UnreadableError(
            "unknown_column", f"Column {min(unknown)} has no meaning here; known: {', '.join(sorted(KNOWN))}."
        )
    counts: dict[str, Any] = {name: whole(row.get(name)) for name in COUNTS}
    words: dict[str, Any] = {name: str(row[name]) if row.get(name) not in (None, "") else None for name in WORDS}
    utilisation = row.get("utilisation")
    return Sample(
        at=now,
        oldest_at=oldest_at(row, now),
        utilisation=None if utilisation is None else float(utilisation),
        **counts,
        **words,
    )


def oldest_at(row: dict[str, Any], now: datetime) -> datetime | None:
    told, age_s = row.get("oldest_at"), row.get("oldest_age_s")
    if age_s is not None:
        return now - timedelta(seconds=max(float(age_s), 0.0))
    if told is None:
        return None
    if not isinstance(told, datetime) or told.tzinfo is None:
        raise UnreadableError("bad_time", "Column oldest_at must be a timestamp with time zone.")
    return told.astimezone(UTC)


def traits(options: SqlOptions) -> dict[str, Any]:
    return {"is_exact": options.exact or options.ledger, "is_ledger": options.ledger}


def host(options: SqlOptions) -> str:
    return urlsplit(options.dsn).hostname or "local" if isinstance(options.dsn, str) else "sql"


SOURCE = Source(name="sql", options=SqlOptions, read=read, host=host, traits=traits, close=close)
