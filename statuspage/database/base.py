"""Own Django's database backend: PostgreSQL that starts itself where embedded, and says plainly when out of reach."""

from __future__ import annotations

from typing import Any

import psycopg
from django.db import connections
from django.db.backends.postgresql import base
from django.db.utils import OperationalError

from statuspage.database import embedded
from statuspage.errors import OperatorError


class DatabaseUnreachableError(OperatorError, OperationalError):
    """No connection could be had: where it was looked for, why, and the way out, in one line."""


class DatabaseWrapper(base.DatabaseWrapper):
    """Starts the embedded server at the first wish for a connection, so that `check` or mypy never do."""

    def get_connection_params(self) -> dict[str, Any]:
        place = self.settings_dict.get("EMBEDDED_AT")
        if place is not None:
            embedded.ensure(place)
        return super().get_connection_params()

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        try:
            if self.pool and self.alias not in knocked:
                knock(conn_params)
                knocked.add(self.alias)
            return super().get_new_connection(conn_params)
        except psycopg.OperationalError as error:
            raise DatabaseUnreachableError(unreachable(self.settings_dict, error)) from error


def let_go() -> None:
    """Close this thread's connections and the pools, for a process that goes on without the database."""
    for wrapper in connections.all(initialized_only=True):
        wrapper.close()
        if isinstance(wrapper, base.DatabaseWrapper):
            wrapper.close_pool()


knocked: set[str] = set()


def knock(conn_params: dict[str, Any]) -> None:
    """Connect once without the pool, which would retry in silence for its whole timeout and hide the reason."""
    psycopg.connect(**{key: value for key, value in conn_params.items() if key != "cursor_factory"}).close()


def unreachable(settings: dict[str, Any], error: psycopg.OperationalError) -> str:
    reason = (str(error).splitlines() or ["no reason given"])[0].removeprefix("connection failed: ")
    if settings.get("EMBEDDED_AT") is not None:
        return f"the embedded database does not answer ({reason}): see {settings['EMBEDDED_AT'].log}"
    where = f"{settings['HOST'] or 'localhost'}:{settings['PORT'] or 5432}/{settings['NAME']}"
    return f"the database {where} cannot be reached ({reason}): start it, or correct DATABASE_URL"
