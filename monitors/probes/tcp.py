"""Own the `tcp` kind: connect, and say and hear what the options script, in plain text or over TLS."""

from __future__ import annotations

import asyncio
import re
import ssl
from typing import Self

from pydantic import Field, model_validator

from monitors.addresses import Address, IpVersion, host_and_port
from monitors.certificates import Certificate
from monitors.evidence import excerpt
from monitors.options import Duration, Strict
from monitors.probes.attempt import Attempt, attempted
from monitors.probes.expectations import Pattern
from monitors.probes.faults import Fault
from monitors.probes.kind import Check, Kind
from monitors.probes.opening import leaf_at, open_wire, secure
from monitors.probes.trust import TlsOptions
from monitors.results import ProbeResult
from monitors.wire import ClosedError, Wire

LAST_MOMENT_S = 0.01
"""A step gives up this much before the check does, to say what it was waiting for."""


class Step(Strict):
    """One of: say this, wait until the answer so far matches this, start TLS now."""

    send: str | None = None
    expect: Pattern | None = None
    starttls: bool = False

    @model_validator(mode="after")
    def do_one_thing(self) -> Self:
        if [self.send is not None, self.expect is not None, self.starttls].count(True) != 1:
            raise ValueError("a step has exactly one of send, expect and starttls: true")
        return self


class TcpOptions(TlsOptions):
    """`connect_to` reaches one instance by its address. In `send`, write line ends as \\r\\n."""

    address: Address
    connect_to: Address | None = None
    ip_version: IpVersion | None = None
    tls: bool = False
    dialogue: list[Step] = Field(default_factory=list)
    under: Duration | None = None

    @model_validator(mode="after")
    def start_tls_once(self) -> Self:
        if self.tls + sum(step.starttls for step in self.dialogue) > 1:
            raise ValueError("TLS can start only once: either tls: true or one starttls step")
        return self

    @property
    def target(self) -> str:
        return self.connect_to or self.address

    @property
    def tls_name(self) -> str:
        return self.server_name or host_and_port(self.address)[0]


async def shake(attempt: Attempt, wire: Wire, options: TcpOptions) -> None:
    async def read_leaf(context: ssl.SSLContext) -> Certificate | None:
        if not options.tls:
            return None  # in the middle of a dialogue: saying all of it again could do harm
        return await leaf_at(options.target, options.ip_version, context, options.tls_name)

    await secure(attempt, wire, options, options.tls_name, read_leaf)


async def hear(attempt: Attempt, wire: Wire, pattern: str, unread: bytes) -> bytes:
    """Read until what was heard matches; return what came after the match. Raises Fault."""
    heard = unread
    wanted = re.compile(pattern.encode())
    try:
        async with asyncio.timeout(max(0.0, attempt.left_s - LAST_MOMENT_S)):
            while (found := wanted.search(heard)) is None:
                said = await wire.some()
                attempt.transcript.heard(said)
                heard += said
    except (TimeoutError, ClosedError) as error:
        if not heard:
            raise
        how = "then it closed the connection" if isinstance(error, ClosedError) else "then nothing more"
        raise Fault("expect_unmatched", f'waited for {pattern!r}, heard "{excerpt(heard, 120)}", {how}') from error
    return heard[found.end() :]


async def converse(attempt: Attempt) -> ProbeResult:
    options: TcpOptions = attempt.check.options
    wire = await open_wire(attempt, options.target, options.ip_version)
    try:
        if options.tls:
            await shake(attempt, wire, options)
        await follow(attempt, wire, options)
    finally:
        wire.close()
    attempt.warn_if_slower_than(options.under)
    said = "answers as expected" if options.dialogue else "accepts connections"
    return attempt.succeed(f"{said} in {attempt.total_ms:.0f} ms")


async def follow(attempt: Attempt, wire: Wire, options: TcpOptions) -> None:
    unread = b""
    for step in options.dialogue:
        if step.starttls:
            await shake(attempt, wire, options)
            unread = b""
        elif step.send is not None:
            attempt.transcript.sent(step.send)
            wire.send(step.send.encode())
        else:
            assert step.expect is not None
            attempt.begin("processing")
            unread = await hear(attempt, wire, step.expect, unread)


async def run(check: Check) -> ProbeResult:
    return await attempted(check, converse)


KIND = Kind("tcp", TcpOptions, run, host=lambda options: host_and_port(options.target)[0])
