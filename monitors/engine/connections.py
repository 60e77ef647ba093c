"""Own the prober's own connections to Postgres: asynchronous, with short deadlines, outside Django's pool."""

from __future__ import annotations

from typing import Any

from django.db import connections
from psycopg import AsyncConnection, InterfaceError, OperationalError

DATABASE_GONE = (OperationalError, InterfaceError, OSError, TimeoutError)
CONNECT_TIMEOUT_S = 5
DJANGO_ONLY = ("pool", "cursor_factory", "context")
# TCP notices a vanished server only after minutes unless told to look; a local socket ignores these.
VIGILANCE = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 2, "tcp_user_timeout": 8_000}


def connection_parameters() -> dict[str, Any]:
    """What libpq needs to reach Django's default database, test databases included. Starts an embedded one."""
    parameters = dict(connections["default"].get_connection_params())
    for name in DJANGO_ONLY:
        parameters.pop(name, None)
    return {**VIGILANCE, **parameters, "connect_timeout": CONNECT_TIMEOUT_S}


async def connect(purpose: str, parameters: dict[str, Any]) -> AsyncConnection:
    """A connection in autocommit mode: transactions are written out where they are meant."""
    return await AsyncConnection.connect(autocommit=True, application_name=f"standpipe {purpose}", **parameters)
