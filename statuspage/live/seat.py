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
        self.wake = asyncio.Event()

    def offer(self, kind: str, frame: str) -> None:
        """Replace the waiting frame of this kind."""
        self.frames[kind] = frame
        self.wake.set()

    def end(self, code: Close) -> None:
        self.close_code = code
        self.wake.set()

    async def deliver(self) -> Close:
        """Send what is offered until the seat is ended; returns the code to close with."""
        while True:
            await self.wake.wait()
            self.wake.clear()
            while self.frames and self.close_code is None:
                # The oldest kind first: a queue frame every second must not keep a rare one waiting.
                await self.send(self.frames.pop(next(iter(self.frames))))
            if self.close_code is not None:
                return self.close_code
