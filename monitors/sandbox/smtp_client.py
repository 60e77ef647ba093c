"""Own the sending half of SMTP (RFC 5321), as the senders and the load speak it."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Sequence
from typing import NamedTuple

REPLY_WITHIN_S = 30.0
CONNECT_WITHIN_S = 5.0
LINE_LIMIT = 8192


class Reply(NamedTuple):
    code: int
    text: str

    @property
    def is_good(self) -> bool:
        return 200 <= self.code < 400

    @property
    def is_final(self) -> bool:
        """Refused for good (RFC 5321 section 4.2.1): to try again would be rude."""
        return 500 <= self.code < 600


class SmtpClient:
    """One connection. Raises OSError (a closed or silent peer included) when the conversation cannot go on."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def connect(cls, host: str, port: int, ehlo: str, source: str | None = None) -> SmtpClient:
        local = (source, 0) if source else None
        async with asyncio.timeout(CONNECT_WITHIN_S):
            streams = await asyncio.open_connection(host, port, limit=LINE_LIMIT, local_addr=local)
        client = cls(*streams)
        client.expect(await client.reply())
        client.expect(await client.command(f"EHLO {ehlo}"))
        return client

    async def secure(self, tls: ssl.SSLContext, name: str, ehlo: str) -> None:
        """STARTTLS, and greet again as RFC 3207 section 4.2 demands."""
        self.expect(await self.command("STARTTLS"))
        await self._writer.start_tls(tls, server_hostname=name, ssl_handshake_timeout=CONNECT_WITHIN_S)
        self.expect(await self.command(f"EHLO {ehlo}"))

    async def log_in(self, user: str, password: str) -> None:
        secret = base64.b64encode(f"\0{user}\0{password}".encode()).decode()
        self.expect(await self.command(f"AUTH PLAIN {secret}"))

    async def send(self, sender: str, recipients: Sequence[str], content: bytes) -> Reply:
        """Hand one message over. Good only after the end of DATA: a good RCPT proves nothing stored."""
        reply = await self.command(f"MAIL FROM:<{sender}>")
        if not reply.is_good:
            return await self._give_up(reply)
        replies = [await self.command(f"RCPT TO:<{recipient}>") for recipient in recipients]
        if not any(reply.is_good for reply in replies):
            return await self._give_up(next((r for r in replies if not r.is_final), replies[0]))
        reply = await self.command("DATA")
        if not reply.is_good:
            return await self._give_up(reply)
        self._writer.write(_stuffed(content))
        return await self.reply()

    async def _give_up(self, reply: Reply) -> Reply:
        await self.command("RSET")
        return reply

    async def command(self, line: str) -> Reply:
        self._writer.write(line.encode() + b"\r\n")
        return await self.reply()

    async def reply(self) -> Reply:
        lines: list[str] = []
        try:
            async with asyncio.timeout(REPLY_WITHIN_S):
                await self._writer.drain()
                while not lines or lines[-1][3:4] == "-":
                    line = (await self._reader.readuntil(b"\n")).decode("latin-1").rstrip()
                    lines.append(line)
            return Reply(int(lines[-1][:3]), "\n".join(line[4:] for line in lines))
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError) as error:
            raise ConnectionError(f"no SMTP reply: {error}") from error

    def expect(self, reply: Reply) -> None:
        if not reply.is_good:
            raise ConnectionError(f"{reply.code} {reply.text}")

    def close(self) -> None:
        self._writer.close()


def _stuffed(content: bytes) -> bytes:
    """The message with CRLF line ends, leading dots doubled, and its end mark (RFC 5321 section 4.5.2)."""
    lines = content.replace(b"\r\n", b"\n").rstrip(b"\n").split(b"\n")
    return b"\r\n".join(b"." + line if line.startswith(b".") else line for line in lines) + b"\r\n.\r\n"
