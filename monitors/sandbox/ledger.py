"""Own what an instance says to Postgres: accept a message, claim some, finish them, read the queue's figures."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import psycopg

from monitors.sandbox import schema as schemas

STATEMENT_MS = 5_000  # longer than any healthy statement by far; shorter than a caller's patience
LOCK_MS = 3_000
QUICK_MS = 2_000
QUICK_LOCK_MS = 1_000  # health has to say that the database is locked before whoever asks has lost patience


class LedgerError(Exception):
    """The database did not take or give what was asked: nothing was stored."""


@dataclass(frozen=True, slots=True)
class Mail:
    sender: str
    recipients: list[str]
    subject: str
    content: bytes
    via: Literal["api", "smtp"]
    tag: str = ""


class Claimed(NamedTuple):
    id: int
    sender: str
    recipients: list[str]
    content: bytes
    attempts: int


class Outcome(NamedTuple):
    """What became of a claimed message: `accepted` sends it back to wait for `retry_s`."""

    id: int
    state: Literal["sent", "bounced", "accepted"]
    reason: str = ""
    retry_s: float = 0.0


class Figures(NamedTuple):
    """The queue in one snapshot. Ages in seconds, None when nothing waits."""

    accepted: int
    sent: int
    bounced: int
    queued: int
    in_flight: int
    oldest_age_s: float | None
    consumers: int

    @property
    def residual(self) -> int:
        """Zero while nothing is lost or sent twice: accepted = queued + in flight + sent + bounced."""
        return self.accepted - self.queued - self.in_flight - self.sent - self.bounced


ACCEPT = """
with stored as (
    insert into message (accepted_by, via, sender, recipients, subject, tag, size, content)
    values (%(by)s, %(via)s, %(sender)s, %(recipients)s, %(subject)s, %(tag)s, %(size)s, %(content)s) returning id
), counted as (
    insert into counter values ('accepted', %(by)s, 1)
    on conflict (name, instance) do update set value = counter.value + 1
)
select id from stored"""

CLAIM = """
update message set state = 'in_flight', claimed_by = %(by)s, attempts = attempts + 1
where id in (select id from message where state = 'accepted' and not_before <= clock_timestamp()
             order by id limit %(limit)s for update skip locked)
returning id, sender, recipients, content, attempts"""

# A message that another sender took back meanwhile is not ours to finish: the state is checked again.
FINISH = """
with outcome as (
    select * from unnest(%(ids)s::bigint[], %(states)s::text[], %(reasons)s::text[], %(retries)s::float8[])
        as outcome (id, state, reason, retry_s)
), done as (
    update message set state = outcome.state, reason = outcome.reason, claimed_by = null,
        not_before = clock_timestamp() + make_interval(secs => outcome.retry_s),
        finished_at = case when outcome.state = 'accepted' then null else clock_timestamp() end,
        finished_by = case when outcome.state = 'accepted' then null else %(by)s end,
        content = case when outcome.state = 'accepted' then content else '' end
    from outcome
    where message.id = outcome.id and message.state = 'in_flight' and message.claimed_by = %(by)s
    returning message.state
), tally as (
    select state, count(*) + case state when 'sent' then %(extra)s else 0 end as n
    from done where state <> 'accepted' group by state
)
insert into counter select state, %(by)s, n from tally
on conflict (name, instance) do update set value = counter.value + excluded.value"""

RELEASE_OWN = "update message set state = 'accepted', claimed_by = null where state = 'in_flight' and claimed_by = %s"
RELEASE_ORPHANS = """
update message set state = 'accepted', claimed_by = null
where state = 'in_flight' and claimed_by not in (
    select instance from consumer where seen_at > clock_timestamp() - make_interval(secs => %s))"""
BEAT = """
insert into consumer values (%s, clock_timestamp()) on conflict (instance) do update set seen_at = excluded.seen_at"""
RECENT = """
select id, state, accepted_at, accepted_by, via, sender, recipients, subject, tag, attempts, finished_at, reason
from message order by id desc limit %s"""


class Database:
    """One connection, made when first needed and again after it broke; statements take turns on it."""

    def __init__(self, conninfo: str) -> None:
        self._conninfo = conninfo
        self._connection: psycopg.AsyncConnection | None = None
        self._turn = asyncio.Lock()

    async def rows(self, query: str, params: Any = None) -> list[tuple[Any, ...]]:
        """Run one statement in its own transaction. Raises LedgerError, whatever went wrong."""
        async with self._turn:
            try:
                connection = await self._connected()
                cursor = await connection.execute(query, params)
                return await cursor.fetchall() if cursor.description else []
            except psycopg.Error as error:
                raise LedgerError(str(error).strip().splitlines()[0] if str(error) else type(error).__name__) from error

    async def _connected(self) -> psycopg.AsyncConnection:
        if self._connection is None or self._connection.closed or self._connection.broken:
            self._connection = await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True)
        return self._connection

    async def close(self) -> None:
        if self._connection is not None:
            await self._connection.close()


class Ledger:
    """The ledger as one instance uses it. Quick questions have their own connection: they never wait behind a write."""

    def __init__(self, database_url: str, schema: str, instance: str) -> None:
        self._instance = instance
        self._writes, self._quick = (
            Database(schemas.conninfo(database_url, schema, instance, statement_ms=statement_ms, lock_ms=lock_ms))
            for statement_ms, lock_ms in ((STATEMENT_MS, LOCK_MS), (QUICK_MS, QUICK_LOCK_MS))
        )

    async def accept(self, mail: Mail) -> int:
        """Store a message durably and count it, both or neither; give its id."""
        values = {
            "by": self._instance,
            "via": mail.via,
            "sender": mail.sender,
            "recipients": mail.recipients,
            "subject": mail.subject,
            "tag": mail.tag,
            "size": len(mail.content),
            "content": mail.content,
        }
        rows = await self._writes.rows(ACCEPT, values)
        return int(rows[0][0])

    async def claim(self, limit: int) -> list[Claimed]:
        rows = await self._writes.rows(CLAIM, {"by": self._instance, "limit": limit})
        return sorted(Claimed(*row) for row in rows)

    async def finish(self, outcomes: Sequence[Outcome], extra: int = 0) -> None:
        """Write what became of claimed messages. `extra`: hand-overs beyond the first, which the total counts too."""
        columns: tuple[list[Any], ...] = tuple(map(list, zip(*outcomes, strict=True)))
        named = dict(zip(("ids", "states", "reasons", "retries"), columns, strict=True))
        await self._writes.rows(FINISH, {**named, "by": self._instance, "extra": extra})

    async def release_own(self) -> None:
        """Take back what an earlier process of this name had claimed when it died."""
        await self._writes.rows(RELEASE_OWN, [self._instance])

    async def beat(self) -> None:
        """Say that this sender lives. Never behind a write: one that waits for a lock must not make us look dead."""
        await self._quick.rows(BEAT, [self._instance])

    async def leave(self) -> None:
        """Say that this sender is gone, instead of letting others find out."""
        await self._quick.rows("delete from consumer where instance = %s", [self._instance])

    async def release_orphans(self) -> None:
        """Take back what silent senders had claimed."""
        await self._quick.rows(RELEASE_ORPHANS, [schemas.CONSUMER_TTL_S])

    async def suppressed(self, addresses: Sequence[str]) -> set[str]:
        """Which of the addresses asked never to be written to. Raises when it cannot know: send nothing unchecked."""
        query = "select address from suppression where address = any(%s)"
        return {row[0] for row in await self._writes.rows(query, [list(addresses)])}

    async def figures(self) -> Figures:
        rows = await self._quick.rows("select * from queue")
        return Figures(*rows[0])

    async def totals(self) -> dict[str, dict[str, int]]:
        """The counters, by instance and name."""
        found: dict[str, dict[str, int]] = {}
        for name, instance, value in await self._quick.rows("select name, instance, value from counter"):
            found.setdefault(instance, {})[name] = value
        return found

    async def recent(self, limit: int) -> list[dict[str, Any]]:
        columns = (
            "id", "state", "accepted_at", "accepted_by", "via", "from", "to", "subject", "tag", "attempts",
            "finished_at", "reason",
        )  # fmt: skip
        return [dict(zip(columns, row, strict=True)) for row in await self._quick.rows(RECENT, [limit])]

    async def close(self) -> None:
        await self._writes.close()
        await self._quick.close()
