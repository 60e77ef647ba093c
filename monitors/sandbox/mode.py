"""Own the mode of the platform as one instance sees it: online or offline, and the epoch of that word.

The one seam to whoever commands the mode. Today `sandbox mode` tells every instance over its own
channel (`Mode.obey`); a follower of a mode feed will call the same method from inside the instance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypedDict

Word = Literal["online", "offline"]
RETRY_AFTER_S = 60  # what a refused caller is told; a guess that invites neither a stampede nor despair


class ModeState(TypedDict):
    mode: Word
    epoch: int


@dataclass(slots=True)
class Mode:
    """Unknown until told. Sending fails closed then; accepting goes on, for it harms nobody."""

    word: Word | None = None
    epoch: int = 0

    def obey(self, state: ModeState) -> None:
        """Take a newer word. An older epoch is a message that was overtaken on its way: ignored."""
        if state["epoch"] >= self.epoch:
            self.word, self.epoch = state["mode"], state["epoch"]

    @property
    def sends(self) -> bool:
        return self.word == "online"

    @property
    def serves_everything(self) -> bool:
        return self.word != "offline"
