"""Own the one LISTEN connection of a web process: heard hints, loss noticed in seconds, jittered way back."""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Iterable
from typing import Any

import psycopg
from django.db import connection
from psycopg import sql

FIRST_PAUSE_S = 0.2
LONGEST_PAUSE_S = 5.0
PROBE_EVERY_S = 3.0
"""A listening connection carries nothing for hours: without a question of our own its death is not noticed."""
ANSWERS_WITHIN_S = 3.0
OURS_ONLY = ("context", "cursor_factory", "prepare_threshold")
"""Parameters of Django's own connections that a bare one does without."""

log = logging.getLogger(__name__)


def connection_parameters() -> dict[str, Any]:
    parameters = {key: value for key, value in connection.get_connection_params().items() if key not in OURS_ONLY}
    return parameters | {"connect_timeout": int(ANSWERS_WITHIN_S), "application_name": "standpipe live"}


async def listen(
    channels: Iterable[str], heard: Callable[[str], None], lost: Callable[[str], None], found: Callable[[], None]
) -> None:
    """Call `heard(channel)` for every hint, for ever; `lost(reason)` and `found()` around each outage."""
    pause_s = FIRST_PAUSE_S
    while True:
        try:
            async with await psycopg.AsyncConnection.connect(autocommit=True, **connection_parameters()) as listener:
                for channel in channels:
                    await listener.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                found()
                pause_s = FIRST_PAUSE_S
                await hear(listener, heard)
        except (psycopg.Error, OSError, TimeoutError) as error:
            lost(str(error).partition("\n")[0] or type(error).__name__)
            log.warning("live listener lost", extra={"error": str(error).partition("\n")[0], "pause_s": pause_s})
        # Every web process lost the same server at the same moment: they must not come back at the same moment.
        await asyncio.sleep(pause_s * random.uniform(0.5, 1.0))  # noqa: S311 - jitter, not a secret
        pause_s = min(LONGEST_PAUSE_S, pause_s * 2)


async def hear(listener: psycopg.AsyncConnection[Any], heard: Callable[[str], None]) -> None:
    while True:
        async for notice in listener.notifies(timeout=PROBE_EVERY_S):
            heard(notice.channel)
        async with asyncio.timeout(ANSWERS_WITHIN_S):
            await listener.execute("SELECT 1")
