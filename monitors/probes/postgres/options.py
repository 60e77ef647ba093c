"""Own the options of the `postgres` kind and their refusals."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from monitors.options import Duration, Secret, Strict
from monitors.probes.expectations import Comparison, Scalar

READING = re.compile(r"\s*(select|with|values|table)\b", re.IGNORECASE)


def _checked_query(sql: str) -> str:
    sql = sql.strip().removesuffix(";").rstrip()
    if not READING.match(sql):
        raise ValueError("the query must begin with SELECT, WITH, VALUES or TABLE")
    if ";" in sql:
        raise ValueError("one statement only, without a semicolon in it")
    return sql


class Question(Strict):
    """A query run READ ONLY, and what it must give: the first column of the first row, the number of rows, or both."""

    sql: Annotated[str, AfterValidator(_checked_query)]
    value: Scalar | Comparison = None
    rows: int | Comparison | None = None
    max_rows: int = Field(default=100, ge=1, le=1000)
    timeout: Duration = timedelta(seconds=3)


class PostgresOptions(Strict):
    """A bound that is set and that the role may not see gives a warning; grant it pg_monitor.

    `max_blocked` and the other durations: how long before it is worth a warning. Somebody is blocked for as long as
    they wait, or as the transaction of whoever blocks them is open: programs that give up and try again wait briefly.
    """

    dsn: Secret
    role: Literal["primary", "replica"] | None = None
    max_connections_pct: int = Field(default=80, ge=1, le=100)
    max_blocked: Duration | None = timedelta(seconds=30)
    max_transaction: Duration | None = timedelta(minutes=15)
    max_idle_in_transaction: Duration | None = timedelta(seconds=60)
    max_replay_lag: Duration | None = None
    min_replicas: int | None = Field(default=None, ge=0)
    max_slot_retained_mb: int | None = Field(default=10_240, ge=1)
    max_freeze_age: int = Field(default=1_500_000_000, ge=1, le=2_000_000_000)
    query: Question | None = None
    under: Duration | None = None
