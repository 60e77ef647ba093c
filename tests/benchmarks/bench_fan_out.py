"""Own the figure of one 2 kB frame to 1,000 sockets, ours beside a channel layer's group_send."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterable, Sequence
from functools import partial

from tests.benchmarks.readers import readers
from tests.benchmarks.rows import Row, ms, quantile, report
from tests.benchmarks.web import Web
from tests.waiting import wait_until_async

SOCKETS = 1_000
ROUNDS = 2
FRAMES = 10
PAUSE_S = 0.1
GIVE_UP_S = 20.0
MARK = b'"sent": "'


def rows() -> Iterable[Row]:
    """Turn about, so that a busy neighbour is met by both."""
    ours: list[list[float]] = []
    theirs: list[list[float]] = []
    with Web("tests.benchmarks.fan_out_app:application") as web:
        for _ in range(ROUNDS):
            ours += asyncio.run(frames(web, "/hub/"))
            theirs += asyncio.run(frames(web, "/layer/"))
    ratio, usually = p99(theirs) / p99(ours), usual(theirs) / usual(ours)
    yield Row(
        what=f"2 kB frame to {SOCKETS:,} sockets beside group_send, p99 (usual)",
        ours=f"{ms(p99(ours))} ({ms(usual(ours))})",
        peer=f"{ms(p99(theirs))} ({ms(usual(theirs))})",
        ratio=f"{ratio:.1f}x ({usually:.1f}x)",
        bar=">= 8x",
        is_reached=ratio >= 8,
    )


def p99(found: Sequence[Sequence[float]]) -> float:
    return quantile([delay for delays in found for delay in delays], 0.99)


def usual(found: Sequence[Sequence[float]]) -> float:
    """What most frames do, without the few that a pause of the process or of the machine spoiled."""
    return quantile([quantile(delays, 0.99) for delays in found], 0.5)


def have(found: list[float], number: int) -> bool:
    return len(found) >= number


async def frames(web: Web, path: str) -> list[list[float]]:
    """Of each frame the seconds from the call that sends it to its arrival, socket by socket."""
    found: list[list[float]] = []
    delays: list[float] = []

    def heard(at: float, data: bytes) -> None:
        delays.append(at - float(data.partition(MARK)[2][:20]))

    async with readers(web.port, path, web.cookie, SOCKETS, heard):
        for _ in range(FRAMES):
            delays.clear()
            await asyncio.to_thread(web.get, path)
            lost = f"a frame on {path} did not reach {SOCKETS:,} sockets"
            await wait_until_async(partial(have, delays, SOCKETS), within=GIVE_UP_S, reason=lost)
            found.append(list(delays))
            await asyncio.sleep(PAUSE_S)
    return found


if __name__ == "__main__":
    sys.exit(report(rows))
