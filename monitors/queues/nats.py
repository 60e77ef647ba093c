"""Own NATS JetStream consumers, through the monitoring port (`/jsz`).

A purge moves the consumer on as acknowledgements do: NATS does not tell purged from acknowledged, and neither
can we. Everything else that leaves unacknowledged shows in the balance.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import HttpUrl

from monitors.flow import Sample
from monitors.queues.http import Request, fetch_json, shared
from monitors.queues.source import Ask, MissingError, Source, SourceOptions, UnreadableError, whole

PARAMS = (("streams", "1"), ("consumers", "1"), ("config", "1"), ("limit", "1000"))


class NatsOptions(SourceOptions):
    source: Literal["nats"]
    url: HttpUrl
    account: str | None = None
    stream: str
    consumer: str


async def read(ask: Ask) -> list[Sample]:
    options: NatsOptions = ask.options
    request = Request(f"{str(options.url).rstrip('/')}/jsz", PARAMS)
    fresh_s = min(ask.interval_s / 2, 1.0)
    answer = await shared(("jsz", request), fresh_s, lambda: fetch_json(request, ask.deadline_s))
    stream = find_stream(answer, options)
    rows = [row for row in stream.get("consumer_detail") or [] if row.get("name") == options.consumer]
    if not rows:
        raise MissingError("consumer_missing", f"Stream {options.stream} has no consumer {options.consumer}.")
    try:
        return [sample(stream, rows[0], datetime.now(UTC))]
    except (KeyError, TypeError, AttributeError) as error:
        raise UnreadableError("unexpected_shape", f"NATS answered without {error}.") from error


def find_stream(answer: Any, options: NatsOptions) -> dict[str, Any]:
    accounts = answer.get("account_details") if isinstance(answer, dict) else None
    if not isinstance(accounts, list):
        raise UnreadableError("jetstream_off", "NATS answers, and tells of no JetStream account.")
    for account in accounts:
        if options.account in (None, account.get("name")):
            for stream in account.get("stream_detail") or []:
                if stream.get("name") == options.stream:
                    found: dict[str, Any] = stream
                    return found
    raise MissingError("stream_missing", f"NATS has no stream {options.stream}.")


def sample(stream: dict[str, Any], consumer: dict[str, Any], now: datetime) -> Sample:
    unacknowledged = whole(consumer["num_ack_pending"]) or 0
    waiting = whole(consumer["num_pending"]) or 0
    delivered = whole(consumer["delivered"]["stream_seq"]) or 0
    state = stream["state"]
    return Sample(
        at=now,
        depth=waiting + unacknowledged,
        in_total=whole(state["last_seq"]),
        # Delivered and not awaiting an acknowledgement. The floor of acknowledgements would stand still
        # behind one slow message while thousands after it are done.
        out_total=delivered - unacknowledged,
        oldest_at=first_at(state, stream, consumer),
        in_flight=unacknowledged,
        epoch=stream.get("created"),
    )


def first_at(state: dict[str, Any], stream: dict[str, Any], consumer: dict[str, Any]) -> datetime | None:
    """The stream's first message is this consumer's oldest only where acknowledged messages are removed."""
    retention = (stream.get("config") or {}).get("retention")
    if retention not in ("workqueue", "interest") or not state.get("messages"):
        return None
    try:
        return datetime.fromisoformat(state["first_ts"])
    except (KeyError, ValueError):
        return None


SOURCE = Source(name="nats", options=NatsOptions, read=read, host=lambda options: options.url.host or "")
