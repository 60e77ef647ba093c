"""Own the reading of SMTP replies: RFC 5321 section 4.2.1, tolerant where the world is, bounded always."""

from __future__ import annotations

import re
from dataclasses import dataclass

from monitors.evidence import Transcript, excerpt
from monitors.probes.faults import Fault
from monitors.wire import Wire

LINE_LIMIT_BYTES = 4096
"""RFC 5321 section 4.5.3.1.5 allows 512; extensions and careless servers take more."""
LINES_LIMIT = 128
REPLY_LINE = re.compile(rb"([2-5]\d\d)(?:([ -])(.*?))?\r*\n", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Reply:
    """A whole reply: its code, and the text of each of its lines."""

    code: int
    lines: tuple[str, ...]

    @property
    def is_positive(self) -> bool:
        return 200 <= self.code < 300

    def __str__(self) -> str:
        return excerpt(f"{self.code} {' '.join(self.lines)}", 200)

    def extensions(self) -> frozenset[str]:
        """The keywords of an EHLO reply: the first word of every line but the first, upper case.

        The old form `AUTH=LOGIN` counts as AUTH.
        """
        words = (line.split(None, 1) for line in self.lines[1:])
        return frozenset(word[0].partition("=")[0].upper() for word in words if word)


async def read_reply(wire: Wire, transcript: Transcript) -> Reply:
    """The next reply. Raises Fault for what is not SMTP, WireError for a connection that ended."""
    raw_lines: list[bytes] = []
    try:
        return await _read(wire, raw_lines)
    finally:
        transcript.heard(b"".join(raw_lines))


async def _read(wire: Wire, raw_lines: list[bytes]) -> Reply:
    texts: list[str] = []
    code = b""
    while len(texts) < LINES_LIMIT:
        raw = wire.line_at_hand() or await wire.line()
        raw_lines.append(raw)
        found = REPLY_LINE.fullmatch(raw) if len(raw) <= LINE_LIMIT_BYTES else None
        if found is None:
            raise Fault("not_smtp", f'the server does not speak SMTP; it said "{excerpt(raw, 100)}"')
        if code and found[1] != code:
            raise Fault(
                "smtp_protocol", f"a reply changes its code midway, from {code.decode()} to {found[1].decode()}"
            )
        code = found[1]
        texts.append((found[3] or b"").decode("utf-8", "replace"))
        if found[2] != b"-":
            return Reply(int(code), tuple(texts))
    raise Fault("too_much_said", f"a reply of more than {LINES_LIMIT} lines")
