"""Own the faults that strike the database itself: a held lock, a wrong ALTER, messages that vanish."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import psycopg

from monitors.sandbox import schema as schemas
from monitors.sandbox.faults import SandboxError
from monitors.sandbox.ledger import Database, LedgerError

LOSE_PAUSE_S = 0.02
LOSE_WITHIN_S = 60.0

LOSE = """
with gone as (
    delete from message where id in (
        select id from message where state = 'accepted' order by id limit %s for update skip locked) returning *
) insert into lost select * from gone returning id"""
FIND = """
with found as (delete from lost returning *)
insert into message overriding system value select * from found"""
ALTER = "alter table suppression rename column address to email"
ALTER_BACK = "alter table suppression rename column email to address"
IS_ALTERED = """
select 1 from information_schema.columns
where table_schema = current_schema() and table_name = 'suppression' and column_name = 'email'"""


class Damage:
    def __init__(self, database_url: str, schema: str) -> None:
        self._locker_info = schemas.conninfo(database_url, schema, "migration")
        self._database = Database(schemas.conninfo(database_url, schema, "damage", lock_ms=3000))
        self._locker: psycopg.AsyncConnection | None = None
        self._losing: asyncio.Task[None] | None = None

    async def do(self, name: str, count: int = 0) -> None:
        try:
            match name:
                case "db-lock":
                    await self._lock()
                case "wrong-alter":
                    await self._alter(ALTER, when_altered=False)
                case "lose":
                    await self._lose(count)
        except (psycopg.Error, LedgerError) as error:
            raise SandboxError(f"{name}: {error}") from error

    async def undo(self, name: str) -> None:
        try:
            match name:
                case "db-lock":
                    await self._unlock()
                case "wrong-alter":
                    await self._alter(ALTER_BACK, when_altered=True)
                case "lose":
                    await self._stop_losing()
                    await self._database.rows(FIND)
        except (psycopg.Error, LedgerError) as error:
            raise SandboxError(f"{name}: {error}") from error

    async def heal(self) -> None:
        """Undo what an earlier run left behind when it was killed."""
        for name in ("wrong-alter", "lose"):
            await self.undo(name)

    async def _lock(self) -> None:
        if self._locker is None:
            locker = await psycopg.AsyncConnection.connect(self._locker_info)
            await locker.execute("alter table message add column migrated boolean not null default false")
            self._locker = locker

    async def _unlock(self) -> None:
        if self._locker is not None:
            locker, self._locker = self._locker, None
            with suppress(psycopg.Error):
                await locker.rollback()
            await locker.close()

    async def _alter(self, statement: str, *, when_altered: bool) -> None:
        if bool(await self._database.rows(IS_ALTERED)) == when_altered:
            await self._database.rows(statement)

    async def _lose(self, count: int) -> None:
        await self._stop_losing()
        left = count - len(await self._database.rows(LOSE, [count]))
        if left:
            self._losing = asyncio.create_task(self._go_on_losing(left))

    async def _go_on_losing(self, left: int) -> None:
        """Senders are quick: messages are snatched from under their hands, a few at a time, until all are gone."""
        with suppress(TimeoutError, LedgerError):
            async with asyncio.timeout(LOSE_WITHIN_S):
                while left > 0:
                    left -= len(await self._database.rows(LOSE, [left]))
                    await asyncio.sleep(LOSE_PAUSE_S)

    async def _stop_losing(self) -> None:
        if self._losing is not None:
            self._losing.cancel()
            await asyncio.wait([self._losing])
            self._losing = None

    async def close(self) -> None:
        await self._stop_losing()
        await self._unlock()
        await self._database.close()
