"""Own the matching of patterns that operators wrote, in bounded time: a pattern may backtrack for ages.

Most are decided in microseconds, where they are asked. One that is not is asked again beside the event loop, which
goes on with other checks, and is given up after a second: `unknown`, for it says nothing about the target.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import ContextVar, copy_context
from typing import Any, AnyStr, TypeVar

import regex

from monitors.evidence import excerpt
from monitors.probes.faults import Fault
from monitors.results import Result

AT_ONCE_S = 0.005
"""A tenth of the lateness of the loop that would be noticed."""
PATIENTLY_S = 1.0

PATIENCE_S = ContextVar("patience_s", default=AT_ONCE_S)
# A thread of their own: in the one for all, a few of them would hold up look-ups of names.
BESIDE = ThreadPoolExecutor(1, "patterns")

T = TypeVar("T")


class PatternTooSlow(Fault):
    """Nobody knows whether the pattern matches."""

    def __init__(self, pattern: str | bytes) -> None:
        shown = excerpt(pattern, 80)
        words = f"the pattern {shown!r} was not decided in time: it has too many ways to match, make it simpler"
        super().__init__("pattern_too_slow", words, Result.UNKNOWN)


def checked(pattern: str) -> str:
    """Raises ValueError for what is no pattern."""
    try:
        regex.compile(pattern)
    except regex.error as error:
        raise ValueError(f"{pattern!r} is not a regular expression: {error}") from error
    return pattern


def search(pattern: AnyStr, text: AnyStr) -> Any:
    """The first match, or None. Raises PatternTooSlow."""
    try:
        # `concurrent`: without the interpreter's lock, or a thread beside the loop would be no help to it.
        return regex.search(pattern, text, timeout=PATIENCE_S.get(), concurrent=True)
    except TimeoutError as error:
        raise PatternTooSlow(pattern) from error


async def patiently(judgement: Callable[[], T], left_s: float) -> T:
    """What the judgement gives, at once or, where a pattern takes long, beside the loop. Raises PatternTooSlow."""
    try:
        return judgement()
    except PatternTooSlow as slow:
        context = copy_context()
        context.run(PATIENCE_S.set, PATIENTLY_S)
        try:
            async with asyncio.timeout(left_s):
                return await asyncio.get_running_loop().run_in_executor(BESIDE, context.run, judgement)
        except TimeoutError:
            raise slow from None
