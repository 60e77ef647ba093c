"""Own waiting in tests: for a condition with a deadline, never for an amount of time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

POLL_S = 0.02


def wait_until(condition: Callable[[], T], within: float = 5.0, reason: str | Callable[[], str] = "") -> T:
    """Return the first true answer of `condition`; AssertionError with `reason`, asked then, after `within` seconds."""
    deadline = time.monotonic() + within
    while not (answer := condition()):
        late = reason() if callable(reason) and time.monotonic() >= deadline else reason
        assert time.monotonic() < deadline, late or f"not true within {within} s: {condition}"
        time.sleep(POLL_S)
    return answer


async def wait_until_async(condition: Callable[[], T | Awaitable[T]], within: float = 5.0, reason: str = "") -> T:
    """The same beside a running loop; `condition` may be a plain function or a coroutine function."""
    deadline = time.monotonic() + within
    while True:
        answer = condition()
        if isinstance(answer, Awaitable):
            answer = await answer
        if answer:
            return answer
        assert time.monotonic() < deadline, reason or f"not true within {within} s: {condition}"
        await asyncio.sleep(POLL_S)
