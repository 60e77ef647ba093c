"""Own one socket's place in the hub: the newest frame of each kind waits here, older ones are forgotten."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import IntEnum

Send = Callable[[str], Awaitable[None]]


class Close(IntEnum):
    """Why a socket is closed by us; the script on the page reads these."""

    GOING_AWAY = 1001
    SESSION_ENDED = 4401


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who sits at a socket: the session that opened it, and what that session's person might do then.

    `standing` changes with the role, the password and whether the account is active.
    """

    session_key: str
    user_id: int
    standing: str


class Seat:
    """Frames are offered by the hub and sent by the seat's own task: a socket that does not read delays nobody.

    What a slow reader holds back is bounded: one frame of each kind here, and what the server's write
    buffer took before it asked us to wait.
    """

    def __init__(self, visitor: Visitor, send: Send) -> None:
        self.visitor = visitor
        self.send = send
        self.close_code: Close | None = None
        self.frames: dict[str, str] = {}
        # A bare future: an asyncio.Event did a fifth of all that it takes to tell a thousand seats.
        self.waiter: asyncio.Future[None] | None = None

    def offer(self, kind: str, frame: str) -> None:
        """Replace the waiting frame of this kind."""
        self.frames[kind] = frame
        self.wake()

    def end(self, code: Close) -> None:
        self.close_code = code
        self.wake()

    def wake(self) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)

    async def deliver(self) -> Close:
        """Send what is offered until the seat is ended; returns the code to close with."""
        loop = asyncio.get_running_loop()
        while self.close_code is None:
            if self.frames:
                # The oldest kind first: a queue frame every second must not keep a rare one waiting.
                await self.send(self.frames.pop(next(iter(self.frames))))
            else:
                self.waiter = loop.create_future()
                await self.waiter
        return self.close_code
