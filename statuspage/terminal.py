"""Own what `manage.py up` shows: lines under the name of the process that said them, coloured on a terminal."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, field
from typing import TextIO

COLOURS = {"up": "1", "web": "36", "prober": "32", "responder": "35", "sandbox": "33"}
PLAIN_COLOUR = "0"


def is_coloured(out: TextIO) -> bool:
    return out.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb"


@dataclass(slots=True)
class Terminal:
    out: TextIO = field(default_factory=lambda: sys.stdout)
    width: int = max(map(len, COLOURS))

    def say(self, name: str, line: str) -> None:
        """A reader that went away (`make up | head`) must not end the processes half way."""
        prefix = f"{name:<{self.width}} |"
        if is_coloured(self.out):
            prefix = f"\x1b[{COLOURS.get(name, PLAIN_COLOUR)}m{prefix}\x1b[0m"
        try:
            print(prefix, line.rstrip("\r\n"), file=self.out, flush=True)
        except BrokenPipeError:
            self.out = open(os.devnull, "w")  # noqa: SIM115 - for the rest of this process
