"""Own the moment when a started sandbox is there: what watches it is written down and applied, once."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from django.utils import timezone

from statuspage.database.base import let_go

ANSWERS_WITHIN_S = 0.5


@dataclass(slots=True)
class Introduction:
    """Asks the sandbox for its status until it answers, then watches it. For the loop of `manage.py up`.

    The configuration's modules take a second to load: at the first look, while the sandbox loads too.
    """

    say: Callable[[str, str], None]
    control: str
    url: str
    directory: Path
    is_made: bool = False

    def look(self) -> None:
        if self.is_made:
            return
        import monitors.services.config  # noqa: F401 - loaded ahead

        # Not there yet, or killed by a drill: the next look asks again.
        with suppress(OSError, HTTPException, ValueError):
            with urlopen(f"{self.control}/status", timeout=ANSWERS_WITHIN_S) as answer:  # noqa: S310 - our own address
                status = json.load(answer)
            self.is_made = True
            self.introduce(status)

    def introduce(self, status: dict[str, Any]) -> None:
        from monitors.config.problems import ConfigError
        from monitors.config.reading import read
        from monitors.config.sandbox import sandbox_configuration
        from monitors.services.config import apply_config

        dsn = status["database"]["reader_dsn"]
        if dsn is None:
            self.say("up", "the sandbox's database cannot be watched: our role there may not create a reader")
            return
        reader, password = (kept(self.directory / name, text) for name, text in secrets_of(status, dsn))
        text = sandbox_configuration(status, self.url, reader, password)
        file = self.directory / "sandbox.yaml"
        file.write_text(text, encoding="utf-8")
        try:
            changes = apply_config(read(text, str(file)), str(file), timezone.now())
        except ConfigError as error:
            self.say("up", f"the sandbox cannot be watched: {error}")
        else:
            self.say("up", f"the sandbox is watched as {file} says ({len(changes)} changes)")
        finally:
            let_go()


def secrets_of(status: dict[str, Any], dsn: str) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("sandbox.dsn", dsn), ("sandbox.smtp-password", status["smtp"]["password"])


def kept(file: Path, text: str) -> Path:
    """A secret in a file that only its owner reads."""
    file.touch(mode=0o600)
    file.write_text(text, encoding="utf-8")
    return file
