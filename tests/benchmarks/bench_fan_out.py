"""Own the figure of one 2 kB frame to 1,000 sockets, ours beside a channel layer's group_send."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable
from functools import partial

from tests.benchmarks.readers import readers
from tests.benchmarks.row import Row, ms, quantile, report
from tests.benchmarks.web import Web
from tests.waiting import wait_until_async

SOCKETS = 1_000
ROUNDS = 2
FRAMES = 10
PAUSE_S = 0.1
GIVE_UP_S = 20.0
MARK = b'"sent": "'


def rows() -> Iterable[Row]:
    """Each frame has its p99 over the sockets; the median of those counts: a neighbour's burst spoils single frames."""
    ours: list[float] = []
    theirs: list[float] = []
    with Web("tests.benchmarks.fan_out_app:application") as web:
        for _ in range(ROUNDS):
            ours += asyncio.run(slowest(web, "/hub/"))
            theirs += asyncio.run(slowest(web, "/layer/"))
    ratio = quantile(theirs, 0.5) / quantile(ours, 0.5)
    yield Row(
        what=f"one 2 kB frame to {SOCKETS:,} sockets: p99 over the sockets, median of {len(ours)} frames (worst frame)",
        ours=f"{ms(quantile(ours, 0.5))} ({ms(max(ours))})",
        peer=f"group_send {ms(quantile(theirs, 0.5))} ({ms(max(theirs))}): {ratio:.1f}x shorter",
        reach=">= 8x shorter",
        is_reached=ratio >= 8,
    )


def have(found: list[float], number: int) -> bool:
    return len(found) >= number


async def slowest(web: Web, path: str) -> list[float]:
    """Of each frame the seconds from the call that sends it to its arrival at 99 of 100 sockets."""
    found: list[float] = []
    delays: list[float] = []

    def heard(at: float, data: bytes) -> None:
        delays.append(at - float(data.partition(MARK)[2][:20]))

    async with readers(web.port, path, web.cookie, SOCKETS, heard):
        for _ in range(FRAMES):
            delays.clear()
            await asyncio.to_thread(web.get, path)
            lost = f"a frame on {path} did not reach {SOCKETS:,} sockets"
            await wait_until_async(partial(have, delays, SOCKETS), within=GIVE_UP_S, reason=lost)
            found.append(quantile(delays, 0.99))
            await asyncio.sleep(PAUSE_S)
    return found


if __name__ == "__main__":
    sys.exit(report(rows))
