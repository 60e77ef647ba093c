"""Own the figures of the board: fault to screen, the page at 1,000 monitors, memory at 1,000 sockets."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial

from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone

from tests.benchmarks.readers import readers
from tests.benchmarks.rows import Row, ms, quantile, report
from tests.benchmarks.web import Web
from tests.scene import bad_night, many_monitors, set_verdict
from tests.waiting import wait_until_async

MONITORS = 1_000
SOCKETS = 1_000
BOARDS = 50
FAULTS = 60
LOADS = 30
FRAMES_SEEN_S = 6.0


def rows() -> Iterable[Row]:
    with scene() as web:
        yield page(web, "/console/", "board page")
        yield page(web, "/console/monitors/", "list of monitors")
        yield asyncio.run(fault_to_screen(web))
        yield asyncio.run(memory(web))


@contextmanager
def scene() -> Iterator[Web]:
    bad_night(timezone.now(), beats_for_s=600)
    many_monitors(MONITORS)
    try:
        with Web() as web:
            yield web
    finally:
        call_command("flush", interactive=False, verbosity=0)


def page(web: Web, path: str, name: str) -> Row:
    web.get(path)
    seconds = [timed(partial(web.get, path)) for _ in range(LOADS)]
    median = quantile(seconds, 0.5)
    return Row(
        what=f"{name} at {MONITORS:,} monitors, median (p90)",
        ours=f"{ms(median)} ({ms(quantile(seconds, 0.9))})",
        bar="< 100 ms",
        is_reached=median < 0.1,
    )


def timed(work: partial[bytes]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


async def fault_to_screen(web: Web) -> Row:
    """From the start of the transaction that writes the verdict to the frame that shows it, at the last socket."""
    arrivals: list[float] = []
    expected = ""

    def heard(at: float, data: bytes) -> None:
        if expected.encode() in data:
            arrivals.append(at)

    seconds: list[float] = []
    async with readers(web.port, "/ws/board/", web.cookie, BOARDS, heard):
        for number in range(FAULTS):
            expected = f"fault {number} of the bench"
            arrivals.clear()
            await asyncio.sleep(0.25)
            start = time.monotonic()
            await asyncio.to_thread(break_it, ("down", "degraded")[number % 2], f"This is {expected}.")
            await wait_until_async(lambda: len(arrivals) >= BOARDS, within=10, reason="a frame was lost")
            seconds.append(max(arrivals) - start)
    p99 = quantile(seconds, 0.99)
    return Row(
        what=f"confirmed fault to frame at the last of {BOARDS} boards, {MONITORS:,} monitors, p99 (median)",
        ours=f"{ms(p99)} ({ms(quantile(seconds, 0.5))})",
        bar="< 250 ms",
        is_reached=p99 < 0.25,
    )


def break_it(verdict: str, sentence: str) -> None:
    """In a thread of its own, whose connection must not outlive it."""
    try:
        with transaction.atomic():
            set_verdict("smtp-a", verdict, sentence)
    finally:
        connection.close()


async def memory(web: Web) -> Row:
    alone = web.memory_mb()
    async with readers(web.port, "/ws/board/", web.cookie, SOCKETS, lambda at, data: None):
        await asyncio.sleep(FRAMES_SEEN_S)
        full = web.memory_mb()
    return Row(
        what=f"memory of web at {SOCKETS:,} boards",
        ours=f"{full:.0f} MB",
        peer=f"{alone:.0f} MB without",
        bar="< 200 MB",
        is_reached=full < 200,
    )


if __name__ == "__main__":
    sys.exit(report(rows))
