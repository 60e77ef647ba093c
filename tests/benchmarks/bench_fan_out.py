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
FRAMES = 20
PAUSE_S = 0.1
GIVE_UP_S = 20.0
MARK = b'"sent": "'


def rows() -> Iterable[Row]:
    with Web("tests.benchmarks.fan_out_app:application") as web:
        ours = asyncio.run(delays(web, "/hub/"))
        theirs = asyncio.run(delays(web, "/layer/"))
    ratio = quantile(theirs, 0.99) / quantile(ours, 0.99)
    yield Row(
        what=f"one 2 kB frame to {SOCKETS:,} sockets, p99 (median)",
        ours=f"{ms(quantile(ours, 0.99))} ({ms(quantile(ours, 0.5))})",
        peer=f"group_send {ms(quantile(theirs, 0.99))} ({ms(quantile(theirs, 0.5))}): {ratio:.1f}x shorter",
        reach=">= 8x shorter",
        is_reached=ratio >= 8,
    )


def have(found: list[float], number: int) -> bool:
    return len(found) >= number


async def delays(web: Web, path: str) -> list[float]:
    """Seconds from the call that sends to the arrival at each socket, of every frame."""
    found: list[float] = []

    def heard(at: float, data: bytes) -> None:
        found.append(at - float(data.partition(MARK)[2][:20]))

    async with readers(web.port, path, web.cookie, SOCKETS, heard):
        for number in range(1, FRAMES + 1):
            await asyncio.to_thread(web.get, path)
            due = number * SOCKETS
            lost = f"a frame on {path} did not reach {SOCKETS:,} sockets"
            await wait_until_async(partial(have, found, due), within=GIVE_UP_S, reason=lost)
            await asyncio.sleep(PAUSE_S)
    return found


if __name__ == "__main__":
    sys.exit(report(rows))
