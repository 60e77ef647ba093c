"""Own the reading of a mail server's certificates: SMTP as far as STARTTLS, and the chain it shows (RFC 3207)."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

from monitors.certificates import client_context
from monitors.mail_dns.facts import CertificateQuestion, Certificates
from monitors.wire import Wire, WireError, connect

GREETING_LINES_LIMIT = 100


async def read_certificates(question: CertificateQuestion, port: int, timeout_s: float) -> Certificates:
    """The chain that the first reachable address shows. Never raises for what the network does."""
    error = "no address"
    for address in question.addresses:
        try:
            async with asyncio.timeout(timeout_s):
                return await _read(address, port, question.host)
        except TimeoutError:
            error = f"{address} did not finish within {timeout_s:g} s"
        except (OSError, WireError, ssl.SSLError, UnexpectedReplyError) as failure:
            error = f"{address}: {failure}"
    return Certificates(error=error)


class UnexpectedReplyError(Exception):
    """The mail server did not go on with the dialogue: {reply}."""


async def _read(address: str, port: int, host: str) -> Certificates:
    wire = await connect(address, port)
    try:
        await _expect(wire, b"220")
        wire.send(b"EHLO standpipe.invalid\r\n")
        await _expect(wire, b"250")
        wire.send(b"STARTTLS\r\n")
        await _expect(wire, b"220")
        # What DANE pins is compared by us; a chain that the web would not trust is usual here.
        await wire.start_tls(client_context(verify=False), host)
        return Certificates(_chain(wire.tls))
    finally:
        wire.close()


async def _expect(wire: Wire, code: bytes) -> None:
    for _ in range(GREETING_LINES_LIMIT):
        line = await wire.line()
        if line[:3] != code:
            raise UnexpectedReplyError(repr(line[:200])[2:-1])
        if line[3:4] != b"-":
            return
    raise UnexpectedReplyError("an answer without end")


def _chain(tls: ssl.SSLObject) -> tuple[bytes, ...]:
    """Leaf first. Python 3.13 offers the chain openly, before that only its C object does."""
    source: Any = tls if hasattr(tls, "get_unverified_chain") else getattr(tls, "_sslobj", None)
    shown = source.get_unverified_chain() if source is not None else None
    if not shown:
        leaf = tls.getpeercert(binary_form=True)
        return (leaf,) if leaf else ()
    return tuple(one if isinstance(one, bytes) else one.public_bytes(2) for one in shown)
