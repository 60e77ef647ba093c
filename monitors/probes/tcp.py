"""Own the `tcp` kind: connect, and say and hear what the options script, in plain text or over TLS."""

from __future__ import annotations

import ssl
from typing import Self

from pydantic import Field, model_validator

from monitors.evidence import excerpt
from monitors.options import Duration, Strict
from monitors.probes import patterns
from monitors.probes.attempt import Attempt, attempted
from monitors.probes.expectations import Pattern
from monitors.probes.faults import Fault
from monitors.probes.kind import Check, Kind
from monitors.probes.opening import open_wire, secure
from monitors.probes.trust import ServerOptions
from monitors.results import ProbeResult
from monitors.wire import ClosedError, Wire


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


class TcpOptions(ServerOptions):
    """`connect_to` reaches one instance by its address. In `send`, write line ends as \\r\\n."""

    tls: bool = False
    dialogue: list[Step] = Field(default_factory=list)
    under: Duration | None = None

    @model_validator(mode="after")
    def start_tls_once(self) -> Self:
        if self.tls + sum(step.starttls for step in self.dialogue) > 1:
            raise ValueError("TLS can start only once: either tls: true or one starttls step")
        return self


async def leave_unread(_context: ssl.SSLContext) -> None:
    """In the middle of a dialogue an untrusted certificate stays unread: to say all of it again could do harm."""


async def hear(attempt: Attempt, wire: Wire, pattern: str, unread: bytes) -> bytes:
    """Read until what was heard matches; return what came after the match. Raises Fault."""
    heard = unread
    wanted = pattern.encode()
    while (found := patterns.search(wanted, heard)) is None:
        attempt.late = unmatched(pattern, heard, "then nothing more") if heard else None
        try:
            said = await wire.some()
        except ClosedError as error:
            if not heard:
                raise
            raise unmatched(pattern, heard, "then it closed the connection") from error
        attempt.transcript.heard(said)
        heard += said
    attempt.late = None
    return heard[int(found.end()) :]


def unmatched(pattern: str, heard: bytes, then: str) -> Fault:
    return Fault("expect_unmatched", f'waited for {pattern!r}, heard "{excerpt(heard, 120)}", {then}')


async def converse(attempt: Attempt) -> ProbeResult:
    options: TcpOptions = attempt.check.options
    wire = await open_wire(attempt, options)
    try:
        if options.tls:
            await secure(attempt, wire, options)
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
            await secure(attempt, wire, options, leave_unread)
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


KIND = Kind("tcp", TcpOptions, run, host=lambda options: options.target_host)
