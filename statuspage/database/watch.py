"""Own the eye that `manage.py up` keeps on the embedded PostgreSQL and its guardian."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from statuspage.database import embedded
from statuspage.database.cluster import postmaster_lines
from statuspage.database.place import Place

LOOK_EVERY_S = 1.0


@dataclass(slots=True)
class DatabaseWatch:
    """The guardian restarts the server; we restart the guardian, and say what happened to either."""

    place: Place
    say: Callable[[str, str], None]
    pid: str = ""
    due_at_s: float = 0.0

    def look(self) -> None:
        if time.monotonic() < self.due_at_s:
            return
        if not embedded.is_guarded(self.place):
            self.say("up", "the guardian of the database is gone, starting another")
            with suppress(embedded.DatabaseRefusedError):
                embedded.start_where_needed(self.place)
        pid = next(iter(postmaster_lines(self.place)), "")
        if self.pid and pid and pid != self.pid:
            self.say("up", f"the database ended and was started again as process {pid}")
        self.pid = pid or self.pid
        self.due_at_s = time.monotonic() + LOOK_EVERY_S
