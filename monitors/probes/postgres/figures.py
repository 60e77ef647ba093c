"""Own the one query that looks into a PostgreSQL server, and the typed figures that it gives."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

LITERAL = re.compile(r"'(?:[^']|'')*'|\b\d+\b")
QUERY_SHOWN = 120

# One round trip, and one snapshot. Without pg_monitor the state of other roles' backends is null: they are
# counted as hidden, for what cannot be seen must not look like nothing wrong. walsenders are not clients.
FIGURES_SQL = """
WITH activity AS (
    SELECT *, extract(epoch FROM clock_timestamp() - xact_start)::float8 AS xact_s,
           extract(epoch FROM clock_timestamp() - state_change)::float8 AS state_s,
           extract(epoch FROM clock_timestamp() - query_start)::float8 AS query_s
    FROM pg_stat_activity
    WHERE pid <> pg_backend_pid()
      AND (backend_type = 'client backend' OR (backend_type IS NULL AND usesysid IS NOT NULL))
), reach AS (
    SELECT CASE WHEN pg_is_in_recovery() THEN pg_last_wal_receive_lsn() ELSE pg_current_wal_lsn() END AS lsn
)
SELECT json_build_object(
    'version', current_setting('server_version'),
    'is_replica', pg_is_in_recovery(),
    'max_connections', current_setting('max_connections')::int,
    'connections', (SELECT count(*) + 1 FROM activity),
    'hidden', (SELECT count(*) FROM activity WHERE state IS NULL),
    'blocked', (SELECT coalesce(json_agg(found), '[]') FROM (
        SELECT waiting.pid, waiting.query_s AS seconds, waiting.query, by.pid AS blocker_pid,
               by.usename AS blocker_user, by.application_name AS blocker_application, by.state AS blocker_state,
               extract(epoch FROM clock_timestamp() - by.xact_start)::float8 AS blocker_xact_s,
               by.query AS blocker_query
        FROM activity waiting
        CROSS JOIN LATERAL (SELECT (pg_blocking_pids(waiting.pid))[1] AS pid) blocking
        LEFT JOIN pg_stat_activity by ON by.pid = blocking.pid
        WHERE waiting.wait_event_type = 'Lock' AND blocking.pid IS NOT NULL
        ORDER BY waiting.query_s DESC LIMIT 10) found),
    'blocked_count', (SELECT count(*) FROM activity WHERE wait_event_type = 'Lock'),
    'transactions', (SELECT coalesce(json_agg(found), '[]') FROM (
        SELECT pid, xact_s AS seconds, usename AS "user", application_name AS application, state, query
        FROM activity WHERE xact_s IS NOT NULL ORDER BY xact_s DESC LIMIT 3) found),
    'idle_in_transaction', (SELECT coalesce(json_agg(found), '[]') FROM (
        SELECT pid, state_s AS seconds, usename AS "user", application_name AS application, state, query
        FROM activity WHERE state LIKE 'idle in transaction%' ORDER BY state_s DESC LIMIT 3) found),
    'replicas', (SELECT coalesce(json_agg(found), '[]') FROM (
        SELECT application_name AS name, state, sync_state, extract(epoch FROM replay_lag)::float8 AS lag_s,
               pg_wal_lsn_diff(sent_lsn, replay_lsn)::float8 AS lag_bytes
        FROM pg_stat_replication) found),
    'slots', (SELECT coalesce(json_agg(found), '[]') FROM (
        SELECT slot_name AS name, active, pg_wal_lsn_diff(reach.lsn, restart_lsn)::float8 AS retained_bytes
        FROM pg_replication_slots, reach) found),
    'replay_lag_s', CASE WHEN NOT pg_is_in_recovery() THEN NULL
        WHEN pg_last_wal_receive_lsn() = pg_last_wal_replay_lsn() THEN 0
        ELSE extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())::float8 END,
    'freeze_age', (SELECT max(age(datfrozenxid)) FROM pg_database)
)::text
"""


class Backend(BaseModel):
    """A backend that has been doing something for some seconds."""

    pid: int
    seconds: float | None
    user: str | None
    application: str | None
    state: str | None
    query: str | None

    def __str__(self) -> str:
        who = "/".join(part for part in (self.user, self.application) if part) or "someone"
        return f"pid {self.pid} of {who}"


class Blocked(BaseModel):
    """A backend that waits for a lock, and the first of those that hold it."""

    pid: int
    seconds: float | None
    query: str | None
    blocker_pid: int
    blocker_user: str | None
    blocker_application: str | None
    blocker_state: str | None
    blocker_xact_s: float | None
    blocker_query: str | None

    @property
    def worst_s(self) -> float:
        """Who gives up and tries again never waits for long: then it is the blocker's transaction that lasts."""
        return max(self.seconds or 0.0, self.blocker_xact_s or 0.0)

    def __str__(self) -> str:
        who = "/".join(part for part in (self.blocker_user, self.blocker_application) if part) or "someone"
        return f"pid {self.pid} waits for pid {self.blocker_pid} of {who} ({self.blocker_state or 'state not visible'})"


class Replica(BaseModel):
    name: str | None
    state: str | None
    sync_state: str | None
    lag_s: float | None
    lag_bytes: float | None


class Slot(BaseModel):
    name: str
    active: bool
    retained_bytes: float | None


class Figures(BaseModel):
    """What the server says of itself at one instant. Lists are worst first, and cut."""

    version: str
    is_replica: bool
    max_connections: int
    connections: int
    hidden: int
    blocked: list[Blocked]
    blocked_count: int
    transactions: list[Backend]
    idle_in_transaction: list[Backend]
    replicas: list[Replica]
    slots: list[Slot]
    replay_lag_s: float | None
    freeze_age: int | None

    def shown(self) -> Mapping[str, Any]:
        """For evidence: literals of queries are left out, for they may hold people's data."""
        return {name: _without_literals(value) for name, value in self.model_dump().items()}


def _without_literals(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_literals(one) for one in value]
    if isinstance(value, dict):
        return {
            name: LITERAL.sub("?", one)[:QUERY_SHOWN] if name.endswith("query") and one else _without_literals(one)
            for name, one in value.items()
        }
    return value
