"""Own queues in Redis: streams with a consumer group, and lists.

A group's `lag` is null after an entry was deleted before it was delivered, and too large after the stream was
trimmed: then the entries that still exist beyond the group's last one are counted instead. What vanished that
way shows as loss, because it came in and neither went out nor waits.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import model_validator

from monitors.flow import Sample
from monitors.options import Duration
from monitors.queues.source import (
    Ask,
    MissingError,
    RefusedError,
    SafeAddress,
    Source,
    SourceError,
    SourceOptions,
    UnreachableError,
    UnreadableError,
    instant,
    revealed,
)

COUNTED_AT_MOST = 100_000
"""Counting undelivered entries one by one is for broken lags only; beyond this the depth is not told."""

Clients = dict[tuple[asyncio.AbstractEventLoop, str], Any]
CLIENTS: Clients = {}


class RedisOptions(SourceOptions):
    """Either `stream` with its `group`, or `list` (with `processing`, where taken entries are parked)."""

    source: Literal["redis"]
    url: SafeAddress = "redis://127.0.0.1:6379/0"
    stream: str | None = None
    group: str | None = None
    list: str | None = None
    processing: str | None = None
    consumer_seen_within: Duration | None = None

    @model_validator(mode="after")
    def name_one_thing(self) -> Self:
        if (self.stream is None) == (self.list is None):
            raise ValueError("name either stream or list")
        if (self.stream is None) != (self.group is None):
            raise ValueError("a stream is read through its group: name both")
        return self


async def read(ask: Ask) -> list[Sample]:
    # Redis' client takes a quarter of a second to load: processes that watch no Redis do without.
    from redis.exceptions import RedisError

    options: RedisOptions = ask.options
    url = revealed(options.url)
    try:
        async with asyncio.timeout(ask.deadline_s):
            redis = client(url)
            return [await (stream_sample if options.stream else list_sample)(redis, options)]
    except TimeoutError as error:
        raise UnreachableError("timeout", f"Redis did not answer within {ask.deadline_s:.3g} s.") from error
    except RedisError as error:
        raise typed(error) from error


def client(url: str) -> Any:
    """One pool of connections per server and event loop."""
    from redis import asyncio as aioredis

    key = (asyncio.get_running_loop(), url)
    if key not in CLIENTS:
        CLIENTS[key] = aioredis.Redis.from_url(url, decode_responses=True, max_connections=8, protocol=2)
    return CLIENTS[key]


async def stream_sample(redis: Any, options: RedisOptions) -> Sample:
    async with redis.pipeline(transaction=True) as pipe:
        pipe.xinfo_stream(options.stream)
        pipe.xinfo_groups(options.stream)
        stream, groups = await pipe.execute()
    group = next((row for row in groups if row["name"] == options.group), None)
    if group is None:
        raise MissingError("group_missing", f"Stream {options.stream} has no group {options.group}.")
    now = datetime.now(UTC)
    waiting = await undelivered(redis, options, stream, group)
    delivered = group.get("entries-read")
    if delivered is None and group["last-delivered-id"] == "0-0":
        # A group made at the beginning of the stream tells no count before its first delivery.
        delivered = 0
    return Sample(
        at=now,
        depth=None if waiting is None else waiting + group["pending"],
        in_total=stream.get("entries-added"),
        out_total=None if delivered is None else delivered - group["pending"],
        oldest_at=await oldest(redis, options, group, now),
        consumers=await consumers(redis, options),
        in_flight=group["pending"],
    )


async def undelivered(redis: Any, options: RedisOptions, stream: dict[str, Any], group: dict[str, Any]) -> int | None:
    lag: int | None = group.get("lag")
    is_sound = stream.get("max-deleted-entry-id") in (None, "0-0")
    if lag is not None and is_sound and lag <= stream["length"]:
        return lag
    entries = await redis.xrange(
        options.stream, min=f"({group['last-delivered-id']}", max="+", count=COUNTED_AT_MOST + 1
    )
    return len(entries) if len(entries) <= COUNTED_AT_MOST else None


async def oldest(redis: Any, options: RedisOptions, group: dict[str, Any], now: datetime) -> datetime | None:
    """When the first entry that is not finally done came in: ids begin with milliseconds."""
    if group["pending"]:
        summary = await redis.xpending(options.stream, options.group)
        if summary and summary.get("min"):
            return entry_time(summary["min"], now)
    first = await redis.xrange(options.stream, min=f"({group['last-delivered-id']}", max="+", count=1)
    return entry_time(first[0][0], now) if first else None


def entry_time(entry_id: str, now: datetime) -> datetime | None:
    milliseconds = entry_id.partition("-")[0]
    return instant(int(milliseconds) / 1000, now) if milliseconds.isdigit() else None


async def consumers(redis: Any, options: RedisOptions) -> int | None:
    """Consumers stay registered for ever; only with `consumer_seen_within` can the living be told."""
    rows = await redis.xinfo_consumers(options.stream, options.group)
    if not rows:
        return 0
    if options.consumer_seen_within is None:
        return None
    return sum(int(row["idle"]) <= options.consumer_seen_within.total_seconds() * 1000 for row in rows)


async def list_sample(redis: Any, options: RedisOptions) -> Sample:
    async with redis.pipeline(transaction=True) as pipe:
        pipe.llen(options.list)
        if options.processing:
            pipe.llen(options.processing)
        waiting, *taken = await pipe.execute()
    in_flight = taken[0] if taken else None
    return Sample(at=datetime.now(UTC), depth=waiting + (in_flight or 0), in_flight=in_flight)


def typed(error: Exception) -> SourceError:
    from redis import exceptions

    if isinstance(error, exceptions.AuthenticationError | exceptions.NoPermissionError):
        return RefusedError("unauthorised", f"Redis refused the login: {error}.")
    if isinstance(error, exceptions.ConnectionError | exceptions.TimeoutError):
        return UnreachableError("unreachable", f"Redis cannot be reached: {error}.")
    if "no such key" in str(error):
        return MissingError("stream_missing", "The stream does not exist.")
    return UnreadableError("redis_error", f"Redis refused the question: {error}.")


def host(options: RedisOptions) -> str:
    return urlsplit(options.url).hostname or "redis" if isinstance(options.url, str) else "redis"


async def close() -> None:
    """End the connections of this event loop."""
    loop = asyncio.get_running_loop()
    for key in [key for key in CLIENTS if key[0] is loop]:
        await CLIENTS.pop(key).aclose()


SOURCE = Source(name="redis", options=RedisOptions, read=read, host=host, close=close)
