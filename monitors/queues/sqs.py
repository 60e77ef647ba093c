"""Own Amazon SQS queues, by their attributes. Needs the extra `sqs`.

The counts are approximate and SQS tells no totals: there is a depth, and neither rates nor conservation.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic import HttpUrl

from monitors.flow import Sample
from monitors.queues.http import THREADS
from monitors.queues.source import Ask, MissingError, RefusedError, Source, SourceOptions, UnreachableError, whole

VISIBLE, TAKEN, LATER = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
MISSING_CODES = ("QueueDoesNotExist", "NonExistentQueue")
CLIENTS: dict[tuple[str | None, str | None], Any] = {}


class SqsOptions(SourceOptions):
    """Credentials come from where every AWS program takes them: the environment, a profile or a role."""

    source: Literal["sqs"]
    queue_url: HttpUrl
    region: str | None = None
    endpoint: HttpUrl | None = None


async def read(ask: Ask) -> list[Sample]:
    options: SqsOptions = ask.options
    try:
        async with asyncio.timeout(ask.deadline_s):
            loop = asyncio.get_running_loop()
            told = await loop.run_in_executor(THREADS, attributes, options, ask.deadline_s)
    except TimeoutError as error:
        raise UnreachableError("timeout", f"SQS did not answer within {ask.deadline_s:.3g} s.") from error
    counts = {name: whole(told.get(name)) for name in (VISIBLE, TAKEN, LATER)}
    known = [count for count in counts.values() if count is not None]
    return [Sample(at=datetime.now(UTC), depth=sum(known) if known else None, in_flight=counts[TAKEN])]


def attributes(options: SqsOptions, deadline_s: float) -> dict[str, str]:
    try:
        import boto3
        from botocore import exceptions
    except ImportError as error:
        raise RefusedError("no_boto3", "SQS needs the extra: install standpipe[sqs].") from error
    try:
        answer = client(boto3, options, deadline_s).get_queue_attributes(
            QueueUrl=str(options.queue_url), AttributeNames=[VISIBLE, TAKEN, LATER]
        )
    except exceptions.ClientError as error:
        code = error.response.get("Error", {}).get("Code", "")
        if any(name in code for name in MISSING_CODES):
            raise MissingError("queue_missing", f"SQS has no queue {options.queue_url.path}.") from error
        raise RefusedError("refused_by_source", f"SQS refused the question: {error}.") from error
    except (exceptions.BotoCoreError, ValueError) as error:
        raise UnreachableError("unreachable", f"SQS cannot be reached: {error}.") from error
    told: dict[str, str] = answer.get("Attributes", {})
    return told


def client(boto3: Any, options: SqsOptions, deadline_s: float) -> Any:
    """One client per region and endpoint: clients pool connections and may be shared by threads."""
    from botocore.config import Config

    endpoint = str(options.endpoint) if options.endpoint else None
    key = (options.region, endpoint)
    if key not in CLIENTS:
        limits: Any = Config(connect_timeout=deadline_s, read_timeout=deadline_s, retries={"total_max_attempts": 1})  # type: ignore[no-untyped-call]
        session = boto3.session.Session(region_name=options.region)
        CLIENTS[key] = session.client("sqs", endpoint_url=endpoint, config=limits)
    return CLIENTS[key]


SOURCE = Source(name="sqs", options=SqsOptions, read=read, host=lambda options: options.queue_url.host or "")
