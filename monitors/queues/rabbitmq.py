"""Own RabbitMQ queues, through the management API (port 15672).

Two requests tell all watched queues of a virtual host, one the nodes, one the alarms: they are shared by
every queue of the broker. Statistics are old: a queue reports every `collect_statistics_interval`, and the
plugin takes the reports up as often, so that counters lag by one interval and depth and consumers by two.
So depth is asked of the queues themselves (`enable_queue_totals`): a classic queue answers with what it
holds at this moment, also right after a restart. Quorum queues and streams answer that question from their
last report, and with 0 where there is none yet: of them the statistics are taken, which know "not told".
`message_stats` is absent until something happens, and gone again after a restart: absent is not zero.
`deliver_no_ack` and `get_no_ack` are final too, because nobody acknowledges them. `idle_since` and the
`*_details.rate` figures are not used: they lag by seconds in both directions.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import quote

from pydantic import HttpUrl

from monitors.flow import Sample
from monitors.options import Duration, Secret
from monitors.queues.http import Request, credentials, fetch_json, shared
from monitors.queues.source import (
    Ask,
    MissingError,
    RefusedError,
    Source,
    SourceError,
    SourceOptions,
    UnreadableError,
    instant,
    reveal,
    whole,
)

REFRESH_S = 5.0
"""RabbitMQ's default `collect_statistics_interval`."""
COLUMNS = (
    "name,node,state,messages,messages_ready,messages_unacknowledged,consumers,head_message_timestamp,"
    "message_stats.publish,message_stats.ack,message_stats.deliver_no_ack,message_stats.get_no_ack"
)
LIVE_COLUMNS = "name,type,messages,messages_unacknowledged"
LIVE_RATIO = 0.5
"""The part of the time that waiting for the queues themselves may take: statistics do without them."""
NAMES_PER_REQUEST = 50
"""The names travel in the address, which the broker cuts at 8 kB."""
WATCHED_FOR_S = 120.0
SAME_START_S = 10.0
"""Start times are computed from uptimes, and two looks disagree by the time that the answers take."""


class RabbitOptions(SourceOptions):
    source: Literal["rabbitmq"]
    url: HttpUrl
    vhost: str = "/"
    queue: str
    auth: Secret | None = None
    ca: str | None = None
    refresh: Duration | None = None


@dataclass(frozen=True, slots=True)
class Nodes:
    """Epochs by node name, and why publishers are blocked."""

    epochs: dict[str, str]
    alarm: str | None


Rows = dict[str, dict[str, Any]]
"""By name of the queue."""
WATCHED: dict[tuple[str, str], dict[str, float]] = {}
STARTS: dict[tuple[str, str], float] = {}


def api(options: RabbitOptions, path: str, **more: Any) -> Request:
    base = str(options.url).rstrip("/")
    return Request(f"{base}/api/{path}", ca=options.ca, **credentials(reveal(options.auth)), **more)


async def read(ask: Ask) -> list[Sample]:
    options: RabbitOptions = ask.options
    broker, fresh_s = str(options.url), min(ask.interval_s / 2, 1.0)
    names = watched(broker, options)
    chunk = names[names.index(options.queue) // NAMES_PER_REQUEST * NAMES_PER_REQUEST :][:NAMES_PER_REQUEST]
    key = ("rabbitmq", broker, options.vhost, tuple(chunk))
    at, rows = await shared(key, fresh_s, lambda: list_queues(options, chunk, ask.deadline_s))
    if options.queue not in rows:
        raise MissingError("queue_missing", f"Queue {options.queue} does not exist in virtual host {options.vhost}.")
    nodes = await shared(("rabbitmq nodes", broker), fresh_s, lambda: list_nodes(options, ask.deadline_s))
    return [sample(rows[options.queue], at, nodes)]


def watched(broker: str, options: RabbitOptions) -> list[str]:
    """All queues of this virtual host that were asked for lately, in a stable order."""
    now = time.monotonic()
    names = WATCHED.setdefault((broker, options.vhost), {})
    names[options.queue] = now
    for name in [name for name, seen in names.items() if now - seen > WATCHED_FOR_S]:
        del names[name]
    return sorted(names)


async def list_queues(options: RabbitOptions, names: list[str], deadline_s: float) -> tuple[datetime, Rows]:
    """The statistics of the queues that exist, with depth and in flight of now where a queue told them."""
    rows = await listed(options, names, deadline_s, columns=COLUMNS)
    live = await live_depths(options, names, deadline_s * LIVE_RATIO)
    return datetime.now(UTC), {name: {**row, **live.get(name, {})} for name, row in rows.items()}


async def live_depths(options: RabbitOptions, names: list[str], deadline_s: float) -> Rows:
    """What classic queues hold now. The broker leaves out, after a second, a queue that does not answer, and
    one that hangs may hold up the request: so being left out means nothing, and a failure costs no figures."""
    live = {"disable_stats": "true", "enable_queue_totals": "true"}
    try:
        rows = await listed(options, names, deadline_s, columns=LIVE_COLUMNS, **live)
    except SourceError:
        return {}
    return {name: row for name, row in rows.items() if row.get("type") == "classic" and "messages" in row}


async def listed(options: RabbitOptions, names: list[str], deadline_s: float, **more: str) -> Rows:
    pattern = f"^({'|'.join(re.escape(name) for name in names)})$"
    params = {"page": "1", "page_size": "500", "use_regex": "true", "name": pattern, **more}
    path = f"queues/{quote(options.vhost, safe='')}"
    answer = await fetch_json(api(options, path, params=tuple(params.items())), deadline_s)
    if not isinstance(answer, dict) or not isinstance(answer.get("items"), list):
        raise UnreadableError("unexpected_shape", "RabbitMQ answered without a list of queues.")
    return {row["name"]: row for row in answer["items"] if isinstance(row, dict) and "name" in row}


async def list_nodes(options: RabbitOptions, deadline_s: float) -> Nodes:
    """Alarms from the health check, start times from the nodes. Both need the tag `monitoring`; without it
    they are not told, and the queue itself still is."""
    alarm = await alarms(options, deadline_s)
    try:
        rows = await fetch_json(api(options, "nodes", params=(("columns", "name,uptime"),)), deadline_s)
    except RefusedError:
        return Nodes({}, alarm)
    told = [row for row in rows if isinstance(row, dict) and whole(row.get("uptime")) is not None]
    return Nodes({row["name"]: epoch(str(options.url), row["name"], row["uptime"] / 1000) for row in told}, alarm)


async def alarms(options: RabbitOptions, deadline_s: float) -> str | None:
    try:
        answer = await fetch_json(api(options, "health/checks/alarms", accepts_503=True), deadline_s)
    except SourceError as error:
        # Before 3.8.10 there is no such check. An alarm that cannot be read must not hide the figures.
        if isinstance(error, RefusedError | MissingError):
            return None
        raise
    if not isinstance(answer, dict) or answer.get("status") == "ok":
        return None
    raised = [row for row in answer.get("alarms", []) if isinstance(row, dict)]
    named = sorted({f"{row.get('resource', 'resource')} alarm on {row.get('node', 'a node')}" for row in raised})
    return " and ".join(named) or str(answer.get("reason", "a resource alarm"))


def epoch(broker: str, node: str, uptime_s: float) -> str:
    """The start time of a node, the same word as long as it is the same start."""
    start = time.time() - uptime_s
    known = STARTS.get((broker, node))
    if known is None or abs(known - start) > SAME_START_S:
        known = STARTS[broker, node] = start
    return f"{node} since {known:.0f}"


def sample(row: dict[str, Any], at: datetime, nodes: Nodes) -> Sample:
    stats = row.get("message_stats") or {}
    published = whole(stats.get("publish"))
    gone = [whole(stats.get(name)) for name in ("ack", "deliver_no_ack", "get_no_ack")]
    # Counters of one queue appear together: with publishes counted, an absent ack has not happened yet.
    is_told = published is not None or any(count is not None for count in gone)
    return Sample(
        at=at,
        depth=whole(row.get("messages")),
        in_total=published,
        out_total=sum(count or 0 for count in gone) if is_told else None,
        oldest_at=instant(whole(row.get("head_message_timestamp")), at),
        consumers=whole(row.get("consumers")),
        in_flight=whole(row.get("messages_unacknowledged")),
        epoch=nodes.epochs.get(str(row.get("node"))),
        blocked=nodes.alarm,
    )


def traits(options: RabbitOptions) -> dict[str, Any]:
    return {"refresh_s": options.refresh.total_seconds() if options.refresh else REFRESH_S, "is_gone_reset": True}


SOURCE = Source(
    name="rabbitmq",
    options=RabbitOptions,
    read=read,
    host=lambda options: options.url.host or "",
    traits=traits,
)
