"""Own what is wrong with a configuration: every problem at once, each with its place.

ConfigError
└── ConfigInvalidError    problems found; nothing was changed
"""

from __future__ import annotations

from dataclasses import dataclass


class ConfigError(Exception):
    """Base of everything that a configuration can be refused for."""


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong. `line` is 1-based; `path` is written as people read the file: `monitors[3].every`."""

    file: str
    line: int
    path: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.path}: {self.reason}"


class ConfigInvalidError(ConfigError):
    """The configuration has problems, listed one a line. Nothing was changed."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(problems)
        super().__init__("\n".join(map(str, self.problems)))
