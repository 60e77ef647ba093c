"""Own the eye that `manage.py up` keeps on the embedded PostgreSQL and its guardian."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from statuspage.database import embedded
from statuspage.database.cluster import postmaster_lines
from statuspage.database.place import Place

LOOK_EVERY_S = 1.0
SAY_EVERY_S = 10.0
LAST_WORDS = 4096
"""Bytes at the end of the log in which the newest reason stands."""


@dataclass(slots=True)
class DatabaseWatch:
    """The guardian restarts the server; we restart the guardian, and say what happens to either."""

    place: Place
    say: Callable[[str, str], None]
    pid: str = ""
    due_at_s: float = 0.0
    said_at_s: dict[str, float] = field(default_factory=dict)

    def look(self) -> None:
        if time.monotonic() < self.due_at_s:
            return
        if not embedded.is_guarded(self.place):
            self.revive()
        pid = next(iter(postmaster_lines(self.place)), "")
        if self.pid and pid and pid != self.pid:
            self.say("up", f"the database ended and was started again as process {pid}")
        if self.pid and not pid:
            self.complain(f"the database is down: {last_reason(self.place)}")
        self.pid = pid or self.pid
        self.due_at_s = time.monotonic() + LOOK_EVERY_S

    def revive(self) -> None:
        self.complain("the guardian of the database is gone, starting another")
        try:
            embedded.start_where_needed(self.place)
        except embedded.DatabaseRefusedError as refusal:
            self.complain(str(refusal))

    def complain(self, line: str) -> None:
        """What lasts is said again and again, but not at each look."""
        now = time.monotonic()
        if now - self.said_at_s.get(line, -SAY_EVERY_S) >= SAY_EVERY_S:
            self.say("up", line)
            self.said_at_s[line] = now


def last_reason(place: Place) -> str:
    """The newest line of the server's log that tells a reason, without its time."""
    with suppress(FileNotFoundError):
        tail = place.log.read_bytes()[-LAST_WORDS:].decode(errors="replace")
        for line in reversed(tail.splitlines()):
            for mark in ("STANDPIPE:", "PANIC:", "FATAL:"):
                if mark in line:
                    return line.partition(mark)[2].strip()
    return f"see {place.log}"
