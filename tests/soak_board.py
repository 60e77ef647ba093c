"""Own `make soak-board` (`ARGS="--minutes 10 --sockets 1000"`): many open boards, and the web's memory watched.

One socket never reads. Figures change every second and a state every ten, so that all kinds of frames flow.
Fails when memory grew by more than a twentieth after the warm-up.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import django
from django.core.management import call_command

if TYPE_CHECKING:
    from tests.benchmarks.web import Web

WARM_UP = 0.2
"""Of the whole time: caches fill, and the allocator takes what it will keep."""
LOOK_EVERY_S = 10
GROWTH = 1.05


async def soak(web: Web, seconds: float, sockets: int) -> bool:
    from tests.benchmarks.readers import readers

    frames = 0

    def heard(at: float, frame: bytes) -> None:
        nonlocal frames
        frames += 1

    async with readers(web.port, "/ws/board/", web.cookie, sockets, heard) as found:
        assert found[0].transport is not None
        found[0].transport.pause_reading()
        seen = [looked async for looked in memory(web, seconds)]
    warm = seen[int(len(seen) * WARM_UP)]
    is_flat = seen[-1] <= warm * GROWTH
    print(f"{frames:,} frames to {sockets:,} sockets; {warm:.0f} MB warm, {max(seen):.0f} MB at most")
    print(f"{seen[-1]:.0f} MB at the end: {'flat' if is_flat else 'GROWS'}")
    return is_flat


async def memory(web: Web, seconds: float) -> AsyncIterator[float]:
    started = time.monotonic()
    ticks = 0
    while time.monotonic() - started < seconds:
        await asyncio.to_thread(happen, ticks)
        if ticks % LOOK_EVERY_S == 0:
            looked = web.memory_mb()
            print(f"{time.monotonic() - started:5.0f} s  {looked:.1f} MB", flush=True)
            yield looked
        ticks += 1
        await asyncio.sleep(1)


def happen(tick: int) -> None:
    """What a prober tells: new figures, and now and then another state."""
    from django.db import connection

    from tests.scene import set_depth, set_verdict

    try:
        set_depth("inbound", 10 + tick % 90, 30.0 + tick % 7)
        if tick % LOOK_EVERY_S == 0:
            set_verdict("smtp-a", ("down", "up")[tick // LOOK_EVERY_S % 2], f"Scripted, {tick}.")
    finally:
        connection.close()


def main() -> int:
    options = argparse.ArgumentParser(description="Keep many boards open and watch the web's memory.")
    options.add_argument("--minutes", type=float, default=10.0)
    options.add_argument("--sockets", type=int, default=1_000)
    chosen = options.parse_args()
    with tempfile.TemporaryDirectory(prefix="standpipe-soak-", ignore_cleanup_errors=True) as data:
        os.environ |= {"STANDPIPE_DATA_DIR": data, "DJANGO_SETTINGS_MODULE": "statuspage.settings"}
        django.setup()
        call_command("migrate", verbosity=0)
        return int(not watched(chosen.minutes * 60, chosen.sockets))


def watched(seconds: float, sockets: int) -> bool:
    from tests.benchmarks.web import Web
    from tests.scene import bad_night, many_monitors

    bad_night()
    many_monitors(200)
    with Web() as web:
        return asyncio.run(soak(web, seconds, sockets))


if __name__ == "__main__":
    sys.exit(main())
