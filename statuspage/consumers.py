"""Own the websocket of the board: who may open it, and its seat at the hub."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable
from typing import Any

from asgiref.sync import sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.contrib.auth.models import AnonymousUser

from statuspage.board.hub import BOARD
from statuspage.live import Close, Hub, Seat, Visitor
from statuspage.live.visitors import visitor
from statuspage.models import User


class BoardConsumer(AsyncWebsocketConsumer):
    """Speaks only; what the page says is not read. Signed-in people only: strangers are refused with 403."""

    hub: Hub = BOARD
    seat: Seat | None = None
    delivery: asyncio.Task[None] | None = None

    async def connect(self) -> None:
        user, session = self.scope["user"], self.scope["session"]
        who = await sync_to_async(admitted)(user, session.session_key)
        if who is None:
            await self.close()
            return
        await self.accept()
        self.seat = self.hub.join(who, self.send_text)
        self.delivery = asyncio.create_task(self.deliver(self.seat))

    def send_text(self, text: str) -> Awaitable[None]:
        # Straight to the server: a thousand times a frame, what `self.send` wraps around this is felt.
        sent: Awaitable[None] = self.base_send({"type": "websocket.send", "text": text})
        return sent

    async def deliver(self, seat: Seat) -> None:
        # The reader may leave while a frame is on its way: that is `disconnect`'s business.
        with contextlib.suppress(OSError, RuntimeError):
            await self.close(code=int(await seat.deliver()))

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        await self.close(code=int(Close.GOING_AWAY))

    async def disconnect(self, code: int) -> None:
        if self.delivery:
            self.delivery.cancel()
        if self.seat:
            await self.hub.leave(self.seat)


def admitted(user: User | AnonymousUser, session_key: str) -> Visitor | None:
    """The visitor, or None for strangers and for people who may not see the board."""
    return visitor(session_key, user) if isinstance(user, User) and user.has_perm("monitors.view_monitor") else None


async def refuse(scope: dict[str, Any], receive: Any, send: Any) -> None:
    """Answer a handshake with 403."""
    await send({"type": "websocket.close"})
