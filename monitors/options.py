"""Own the building blocks of configuration: durations, secrets by reference, strict option models."""

from __future__ import annotations

import os
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, PlainSerializer, model_validator

SECONDS_BY_UNIT = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)")
LONGEST_S = 3_660 * SECONDS_BY_UNIT["d"]
"""Ten years: an instant that far from now is still one that calendars and the database know."""


class SecretError(Exception):
    """A secret named by the configuration cannot be read: {where}."""


def parse_duration(value: object) -> object:
    """`500ms`, `10s`, `5m`, `2h`, `3d` as a timedelta; anything else raises ValueError with the forms."""
    if isinstance(value, timedelta):
        return value
    match = DURATION.fullmatch(value) if isinstance(value, str) else None
    if match is None or not isinstance(value, str):
        raise ValueError(f"{value!r} is not a duration; write it as 500ms, 10s, 5m, 2h or 3d")
    seconds = float(match[1]) * SECONDS_BY_UNIT[match[2]]
    if seconds > LONGEST_S:
        raise ValueError(f"{value[:40]!r} is longer than ten years")
    return timedelta(seconds=seconds)


def format_duration(value: timedelta) -> str:
    """The shortest form that `parse_duration` reads back: the largest unit that divides evenly."""
    milliseconds = round(value.total_seconds() * 1000)
    for unit in ("d", "h", "m", "s"):
        size = round(SECONDS_BY_UNIT[unit] * 1000)
        if milliseconds and milliseconds % size == 0:
            return f"{milliseconds // size}{unit}"
    return f"{milliseconds}ms"


Duration = Annotated[
    timedelta,
    BeforeValidator(parse_duration, json_schema_input_type=str),
    PlainSerializer(format_duration, return_type=str),
]


class Strict(BaseModel):
    """Base of every configured object: unknown keys are errors, values are immutable."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Secret(Strict):
    """A secret by reference, `{env: NAME}` or `{file: PATH}`: the value itself is never stored."""

    env: str | None = None
    file: Path | None = None

    @model_validator(mode="before")
    @classmethod
    def refuse_plain_text(cls, value: Any) -> Any:
        if isinstance(value, str):
            raise ValueError("a secret is written as {env: NAME} or {file: PATH}, never in the file itself")
        return value

    @model_validator(mode="after")
    def name_one_place(self) -> Self:
        if (self.env is None) == (self.file is None):
            raise ValueError("name exactly one of env and file")
        return self

    def reveal(self) -> str:
        """The value, read now, so that a rotated secret needs no restart. Raises SecretError."""
        if self.env is not None:
            value = os.environ.get(self.env)
            if value is None:
                raise SecretError(f"environment variable {self.env} is not set")
            return value
        assert self.file is not None
        try:
            return self.file.read_text().strip()
        except OSError as error:
            raise SecretError(f"{self.file}: {error.strerror}") from error
