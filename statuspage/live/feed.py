"""Own what a feed is: one kind of frame, what makes it worth rendering again, and how often that may be."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


class StaleError(Exception):
    """What would be rendered no longer follows what is: nobody measures."""

    def __init__(self, since: datetime, reason: str) -> None:
        super().__init__(reason)
        self.since = since
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Feed:
    """One kind of frame. `render` runs in the hub's thread, may query, and may raise StaleError.

    A hint on one of `channels` renders at once, then not again for `least_s`; without any hint it is
    rendered every `most_s`, so that a lost hint heals by itself.
    """

    kind: str
    channels: frozenset[str]
    least_s: float
    most_s: float
    render: Callable[[datetime], Mapping[str, Any]]


def frame(kind: str, at: datetime, content: Mapping[str, Any]) -> str:
    """The text that goes over the wire."""
    return json.dumps({"type": kind, "at": at.isoformat(), **content}, separators=(",", ":"), ensure_ascii=False)
