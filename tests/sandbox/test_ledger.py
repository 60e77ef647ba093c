"""The ledger's sums hold in every snapshot, whoever dies, hangs or comes late."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.sandbox import schema as schemas
from monitors.sandbox.ledger import Figures, Ledger, LedgerError, Mail, Outcome
from monitors.sandbox.load import factor

MAIL = Mail("a@sandbox.test", ["b@elsewhere.test"], "subject", b"Subject: subject\r\n\r\nhello\r\n", "api")


class Books:
    """A schema of its own, and ledgers on it."""

    def __init__(self, database_url: str) -> None:
        self.url, self.schema = database_url, f"ledger_{uuid.uuid4().hex[:10]}"
        self.opened: list[Ledger] = []

    def ledger(self, instance: str) -> Ledger:
        self.opened.append(Ledger(self.url, self.schema, instance))
        return self.opened[-1]

    def execute(self, query: str) -> None:
        with psycopg.connect(schemas.conninfo(self.url, self.schema, "test"), autocommit=True) as connection:
            connection.execute(query)


@pytest.fixture
async def books(sandbox_database_url: str) -> AsyncIterator[Books]:
    made = Books(sandbox_database_url)
    schemas.create(made.url, made.schema)
    yield made
    for ledger in made.opened:
        await ledger.close()
    schemas.drop(made.url, made.schema)


async def test_a_message_goes_its_way_and_is_counted_at_each_step(books: Books) -> None:
    api, sender = books.ledger("api-1"), books.ledger("sender-1")
    await sender.beat()
    for _ in range(3):
        await api.accept(MAIL)
    first, second, third = await sender.claim(10)
    waiting = await api.figures()
    assert (waiting.accepted, waiting.queued, waiting.in_flight, waiting.consumers) == (3, 0, 3, 1)
    assert waiting.oldest_age_s is not None
    await sender.finish(
        [Outcome(first.id, "sent"), Outcome(second.id, "bounced", "550"), Outcome(third.id, "accepted")]
    )
    assert (await api.figures())[:5] == (3, 1, 1, 1, 0)
    assert await api.totals() == {"api-1": {"accepted": 3}, "sender-1": {"sent": 1, "bounced": 1}}


async def test_a_message_put_off_waits_its_time(books: Books) -> None:
    ledger = books.ledger("sender-1")
    await ledger.accept(MAIL)
    (claimed,) = await ledger.claim(1)
    await ledger.finish([Outcome(claimed.id, "accepted", "451", retry_s=60)])
    assert await ledger.claim(1) == []
    assert (await ledger.figures()).queued == 1


async def test_two_senders_never_claim_the_same_message(books: Books) -> None:
    senders = [books.ledger(f"sender-{n}") for n in range(4)]
    for _ in range(40):
        await senders[0].accept(MAIL)
    claims = await asyncio.gather(*(sender.claim(15) for sender in senders))
    numbers = [claimed.id for claim in claims for claimed in claim]
    assert len(numbers) == len(set(numbers)) == 40


async def test_a_late_sender_s_word_does_not_count_once_its_claim_was_taken_back(books: Books) -> None:
    late, other = books.ledger("sender-1"), books.ledger("sender-2")
    await late.accept(MAIL)
    await other.beat()
    (claimed,) = await late.claim(1)
    await other.release_orphans()
    (taken,) = await other.claim(1)
    await late.finish([Outcome(claimed.id, "sent")])
    assert (await other.figures()).sent == 0
    await other.finish([Outcome(taken.id, "sent")])
    found = await other.figures()
    assert (found.sent, found.residual) == (1, 0)


async def test_a_reborn_sender_takes_its_own_claims_back(books: Books) -> None:
    before, after = books.ledger("sender-1"), books.ledger("sender-1")
    await before.accept(MAIL)
    await before.claim(1)
    await after.release_own()
    assert len(await after.claim(1)) == 1


async def test_a_locked_table_is_an_error_in_time_and_a_dropped_connection_is_replaced(books: Books) -> None:
    ledger = books.ledger("api-1")
    await ledger.accept(MAIL)
    with psycopg.connect(schemas.conninfo(books.url, books.schema, "lock")) as connection:
        connection.execute("lock table message")
        with pytest.raises(LedgerError, match="timeout"):
            await ledger.figures()
    books.execute(
        "select pg_terminate_backend(pid) from pg_stat_activity"
        f" where application_name = '{books.schema} api-1'"
    )  # fmt: skip
    with pytest.raises(LedgerError):
        await ledger.figures()
    assert (await ledger.figures()).accepted == 1


async def test_a_schema_of_another_version_is_made_anew_and_one_of_ours_is_kept(books: Books) -> None:
    await books.ledger("api-1").accept(MAIL)
    schemas.create(books.url, books.schema)
    assert (await books.ledger("api-2").figures()).accepted == 1
    books.execute(f"comment on schema {books.schema} is 'sandbox 0'")
    schemas.create(books.url, books.schema)
    assert (await books.ledger("api-3").figures()).accepted == 0


@given(st.tuples(*[st.integers(0, 10**6)] * 5))
def test_the_residual_is_what_the_books_cannot_explain(sums: tuple[int, int, int, int, int]) -> None:
    sent, bounced, queued, in_flight, lost = sums
    figures = Figures(sent + bounced + queued + in_flight + lost, sent, bounced, queued, in_flight, None, 2)
    assert figures.residual == lost


@given(st.floats(1, 3600))
def test_the_load_of_an_hour_is_its_mean_rate_whatever_the_hour(hour_s: float) -> None:
    shares = [factor((n + 0.5) / 1000 * hour_s, hour_s) for n in range(1000)]
    assert sum(shares) / 1000 == pytest.approx(1, abs=0.01)
    assert max(shares) > 2 * min(shares)
