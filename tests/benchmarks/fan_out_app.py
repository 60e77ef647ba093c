"""Own two ways of telling many sockets the same thing, side by side in one process: our hub, and a channel layer."""

from __future__ import annotations

import asyncio
import json
import time
from typing import Any

from channels.generic.websocket import AsyncWebsocketConsumer
from channels.layers import InMemoryChannelLayer, channel_layers

from statuspage import asgi  # noqa: F401 - loads the apps that the next line needs
from statuspage.consumers import BoardConsumer
from statuspage.live import Hub, Visitor

FRAME_BYTES = 2_048
HUB = Hub([], welcome=lambda visitors: visitors)
LAYER = InMemoryChannelLayer()
channel_layers.set("default", LAYER)


class HubConsumer(BoardConsumer):
    hub = HUB

    async def connect(self) -> None:
        await self.accept()
        self.seat = HUB.join(Visitor("bench", 0, ""), self.send_text)
        self.delivery = asyncio.create_task(self.deliver(self.seat))


class LayerConsumer(AsyncWebsocketConsumer):
    groups = ["board"]

    async def frame(self, event: dict[str, Any]) -> None:
        await self.send(text_data=event["text"])


def text() -> str:
    body = json.dumps({"type": "bench", "sent": f"{time.monotonic():020.9f}", "fill": ""})
    return body[:-2] + "x" * (FRAME_BYTES - len(body)) + body[-2:]


async def send_hub() -> None:
    HUB.broadcast("bench", text())


async def send_layer() -> None:
    await LAYER.group_send("board", {"type": "frame", "text": text()})


SOCKETS = {"/hub/": HubConsumer.as_asgi(), "/layer/": LayerConsumer.as_asgi()}
SENDERS = {"/hub/": send_hub, "/layer/": send_layer}


async def application(scope: dict[str, Any], receive: Any, send: Any) -> None:
    if scope["type"] == "websocket":
        await SOCKETS[scope["path"]](scope, receive, send)
        return
    await SENDERS[scope["path"]]()
    await send({"type": "http.response.start", "status": 204, "headers": []})
    await send({"type": "http.response.body", "body": b""})
