"""Own the asking half of HTTP/1.1 as the load speaks it: one kept connection, small JSON posts."""

from __future__ import annotations

import asyncio
import json
import ssl
from typing import Any

ANSWER_WITHIN_S = 5.0


class HttpClient:
    """Raises OSError when the connection cannot go on."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, name: str) -> None:
        self._reader, self._writer, self._name = reader, writer, name

    @classmethod
    async def connect(cls, host: str, port: int, tls: ssl.SSLContext, name: str) -> HttpClient:
        async with asyncio.timeout(ANSWER_WITHIN_S):
            streams = await asyncio.open_connection(host, port, ssl=tls, server_hostname=name)
        return cls(*streams, name)

    async def post(self, path: str, content: Any) -> int:
        """Give the status. The body is read and forgotten."""
        body = json.dumps(content).encode()
        head = f"POST {path} HTTP/1.1\r\nhost: {self._name}\r\ncontent-type: application/json\r\n"
        self._writer.write(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S):
                head = (await self._reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
                size = int(head.partition("content-length:")[2].partition("\r")[0])
                await self._reader.readexactly(size)
            return int(head.split(" ", 2)[1])
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
            raise ConnectionError(f"no HTTP answer: {error}") from error

    def close(self) -> None:
        self._writer.close()
