"""Own the hub of a web process: who sits at it, which feeds it keeps fresh, and whom it asks to leave."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from django.db import close_old_connections
from django.utils import timezone

from statuspage.live.feed import Feed, StaleError, frame
from statuspage.live.listening import listen
from statuspage.live.seat import Close, Seat, Send, Visitor

T = TypeVar("T")

CHECK_VISITORS_EVERY_S = 2.0
PAUSE_AFTER_FAILURE_S = 0.5
STALE = "stale"

log = logging.getLogger(__name__)


class Hub:
    """Sockets join and leave; while anybody sits here, one listener and one task a feed keep frames coming.

    `welcome` tells which of some visitors may stay; a hint on `door` asks it at once. Rendering and `welcome`
    share one thread, and with it one database connection; everything else happens on the event loop.
    """

    def __init__(
        self, feeds: Iterable[Feed], welcome: Callable[[set[Visitor]], set[Visitor]], door: str = "standpipe_door"
    ) -> None:
        self.feeds = tuple(feeds)
        self.welcome = welcome
        self.door = door
        self.seats: set[Seat] = set()
        self.latest: dict[str, str] = {}
        self.due: dict[str, asyncio.Event] = {}
        self.visitors_due = asyncio.Event()
        self.work: list[asyncio.Task[None]] = []
        self.thread: ThreadPoolExecutor | None = None
        self.stale_since: datetime | None = None

    def join(self, visitor: Visitor, send: Send) -> Seat:
        """Seat a socket and give it the newest frames at once. The first one starts the work."""
        seat = Seat(visitor, send)
        for kind, text in self.latest.items():
            seat.offer(kind, text)
        self.seats.add(seat)
        if not self.work:
            self.start()
        return seat

    async def leave(self, seat: Seat) -> None:
        """Give the seat up. The last one ends the work: nothing is rendered that nobody reads."""
        self.seats.discard(seat)
        if not self.seats and self.work:
            await self.stop()

    def start(self) -> None:
        self.thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="live")
        self.due = {feed.kind: asyncio.Event() for feed in self.feeds}
        self.visitors_due = asyncio.Event()
        channels = {self.door}.union(*(feed.channels for feed in self.feeds))
        self.begin(listen(sorted(channels), self.heard, self.lost, self.found))
        self.begin(self.check_visitors())
        for feed in self.feeds:
            self.begin(self.keep_fresh(feed))

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        self.work.append(asyncio.create_task(work))

    async def stop(self) -> None:
        work, self.work, thread, self.thread = self.work, [], self.thread, None
        self.latest, self.stale_since = {}, None
        for task in work:
            task.cancel()
        await asyncio.gather(*work, return_exceptions=True)
        if thread:
            thread.shutdown(wait=False)

    def broadcast(self, kind: str, text: str) -> None:
        """The same text to all: nothing is rendered, encoded or awaited per socket here."""
        self.latest[kind] = text
        for seat in self.seats:
            seat.offer(kind, text)

    def heard(self, channel: str) -> None:
        if channel == self.door:
            self.visitors_due.set()
        for feed in self.feeds:
            if channel in feed.channels:
                self.due[feed.kind].set()

    def found(self) -> None:
        """Hints were missed while nobody listened: look at everything again."""
        for event in self.due.values():
            event.set()

    def lost(self, reason: str, since: datetime | None = None) -> None:
        """Say that what is on the screen no longer follows what is; `since` stays that of the first loss."""
        now = timezone.now()
        self.stale_since = self.stale_since or since or now
        self.broadcast(STALE, frame(STALE, now, {"since": self.stale_since.isoformat(), "reason": reason}))

    async def keep_fresh(self, feed: Feed) -> None:
        due = self.due[feed.kind]
        while True:
            due.clear()
            if not await self.refresh(feed):
                await asyncio.sleep(PAUSE_AFTER_FAILURE_S)
                continue
            await asyncio.sleep(feed.least_s)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(feed.most_s - feed.least_s):
                    await due.wait()

    async def refresh(self, feed: Feed) -> bool:
        now = timezone.now()
        try:
            text = frame(feed.kind, now, await self.in_thread(partial(feed.render, now)))
        except StaleError as stale:
            self.lost(stale.reason, stale.since)
            return True
        except Exception as error:
            log.warning("live frame not rendered", extra={"kind": feed.kind, "error": str(error).partition("\n")[0]})
            self.lost("the database does not answer")
            return False
        self.latest.pop(STALE, None)
        self.stale_since = None
        self.broadcast(feed.kind, text)
        return True

    async def check_visitors(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(CHECK_VISITORS_EVERY_S):
                    await self.visitors_due.wait()
            self.visitors_due.clear()
            visitors = {seat.visitor for seat in self.seats}
            try:
                stay = await self.in_thread(partial(self.welcome, visitors))
            except Exception as error:
                # Nobody is thrown out because the database is away: pages that need it refuse by themselves.
                log.warning("visitors not checked", extra={"error": str(error).partition("\n")[0]})
                continue
            for seat in self.seats:
                if seat.visitor in visitors - stay:
                    seat.end(Close.SESSION_ENDED)

    def in_thread(self, work: Callable[[], T]) -> Awaitable[T]:
        assert self.thread is not None
        return asyncio.get_running_loop().run_in_executor(self.thread, with_fresh_connection, work)


def with_fresh_connection(work: Callable[[], T]) -> T:
    """Run outside of any request: a connection that died in the meantime must not be used again."""
    close_old_connections()
    try:
        return work()
    finally:
        close_old_connections()
