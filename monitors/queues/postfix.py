"""Own Postfix queues: `postqueue -j` for what waits, the mail log for what came in and was taken off.

In: `cleanup` logs each message once, when it is queued. Out: `qmgr` logs `removed` once all recipients are
done. Both are counted from the log file's beginning, so that every prober counts the same; a rotated file is
another epoch. Without a log file there are no totals, only the depth and the oldest mail.
"""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from monitors.flow import Sample
from monitors.queues.http import THREADS
from monitors.queues.source import (
    Ask,
    RefusedError,
    Source,
    SourceError,
    SourceOptions,
    UnreachableError,
    UnreadableError,
    instant,
)

QUEUED = re.compile(rb"postfix[^ ]*/cleanup\[\d+\]: (?P<id>[0-9A-Za-z]+): message-id=")
REMOVED = re.compile(rb"postfix[^ ]*/qmgr\[\d+\]: (?P<id>[0-9A-Za-z]+): removed")
LOG_READ_AT_MOST = 64 * 1024 * 1024
"""A longer log is counted from its last part on, at the first look only."""
LINE_LIMIT_BYTES = 1_048_576


class PostfixOptions(SourceOptions):
    """`queues` names those that are counted; mail on hold waits for a person and counts only when named."""

    source: Literal["postfix"]
    config: Path | None = None
    log: Path | None = None
    queues: tuple[Literal["maildrop", "incoming", "active", "deferred", "hold"], ...] = (
        "maildrop",
        "incoming",
        "active",
        "deferred",
    )


@dataclass(slots=True)
class Tally:
    """How far one log file has been counted."""

    inode: int
    start: int
    position: int
    queued: int = 0
    removed: int = 0


TALLIES: dict[Path, Tally] = {}


async def read(ask: Ask) -> list[Sample]:
    options: PostfixOptions = ask.options
    try:
        async with asyncio.timeout(ask.deadline_s):
            # The log first: a message that is queued in between is then in the depth and not yet in the totals,
            # which the conservation takes for skew, and never for loss.
            loop = asyncio.get_running_loop()
            tally = await loop.run_in_executor(THREADS, counted, options.log) if options.log else None
            counts, oldest_s = await listed(options)
    except TimeoutError as error:
        raise UnreachableError("timeout", f"postqueue did not finish within {ask.deadline_s:.3g} s.") from error
    now = datetime.now(UTC)
    return [
        Sample(
            at=now,
            depth=sum(counts[name] for name in options.queues),
            in_total=tally.queued if tally else None,
            out_total=tally.removed if tally else None,
            oldest_at=instant(oldest_s, now),
            in_flight=counts["active"],
            epoch=f"{tally.inode}:{tally.start}" if tally else None,
        )
    ]


async def listed(options: PostfixOptions) -> tuple[Counter[str], float | None]:
    """Messages by queue, and the arrival of the oldest in the queues that count."""
    command = ["postqueue", *(["-c", str(options.config)] if options.config else []), "-j"]
    path = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
    try:
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            limit=LINE_LIMIT_BYTES,
            env={"PATH": path, "LC_ALL": "C"},
        )
    except OSError as error:
        raise RefusedError("no_postqueue", f"postqueue cannot be started: {error.strerror}.") from error
    try:
        return await tally_lines(process, options)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def tally_lines(
    process: asyncio.subprocess.Process, options: PostfixOptions
) -> tuple[Counter[str], float | None]:
    counts: Counter[str] = Counter()
    oldest_s: float | None = None
    assert process.stdout is not None
    assert process.stderr is not None
    try:
        async for line in process.stdout:
            message = json.loads(line)
            counts[message["queue_name"]] += 1
            if message["queue_name"] in options.queues:
                oldest_s = min(message["arrival_time"], oldest_s if oldest_s is not None else message["arrival_time"])
    except (ValueError, KeyError, TypeError) as error:
        raise UnreadableError("not_json", f"postqueue wrote a line that cannot be read ({error}).") from error
    complaint = (await process.stderr.read()).decode("utf-8", "replace").strip()
    if await process.wait() != 0:
        raise failed(complaint)
    return counts, oldest_s


def failed(complaint: str) -> SourceError:
    said = complaint.splitlines()[-1] if complaint else "it gave no reason"
    if "mail system is down" in complaint:
        return UnreachableError("mail_system_down", f"Postfix is not running: {said}")
    return RefusedError("postqueue_failed", f"postqueue failed: {said}")


def counted(log: Path) -> Tally:
    """Count on from where the last look ended; a new or shortened file is counted from its beginning."""
    try:
        with log.open("rb") as file:
            status = os.fstat(file.fileno())
            tally = TALLIES.get(log)
            if tally is None or tally.inode != status.st_ino or status.st_size < tally.position:
                start = max(status.st_size - LOG_READ_AT_MOST, 0)
                tally = TALLIES[log] = Tally(status.st_ino, start, start)
            file.seek(tally.position)
            while (line := file.readline(LINE_LIMIT_BYTES)).endswith(b"\n"):
                tally.position += len(line)
                tally.queued += QUEUED.search(line) is not None
                tally.removed += REMOVED.search(line) is not None
            return tally
    except OSError as error:
        raise RefusedError("no_log", f"The mail log {log} cannot be read: {error.strerror}.") from error


SOURCE = Source(name="postfix", options=PostfixOptions, read=read, host=lambda options: "postfix")
