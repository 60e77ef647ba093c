"""Own the answer to "can this process serve?": the database answers, and its tables are those of this version."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor


@dataclass(frozen=True, slots=True)
class Readiness:
    is_ready: bool
    reason: str = ""


seen_migrated: set[str] = set()
"""Databases found up to date: tables do not go back while a process runs, and looking costs 50 ms."""


def readiness() -> Readiness:
    """One query when all is well, a few the first time; blocks up to the pool's timeout when the database is gone."""
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if connection.alias not in seen_migrated and (behind := unapplied()):
            return Readiness(False, f"{behind} migrations are not applied: run manage.py migrate")
    except DatabaseError as error:
        return Readiness(False, (str(error).splitlines() or [type(error).__name__])[0])
    seen_migrated.add(connection.alias)
    return Readiness(True)


def unapplied() -> int:
    executor = MigrationExecutor(connection)
    return len(executor.migration_plan(executor.loader.graph.leaf_nodes()))
