"""Own the registry of queue sources: one file per source, one entry here."""

from __future__ import annotations

from typing import Annotated

from pydantic import Discriminator, RootModel

from monitors.queues import http, kumomta, nats, postfix, prometheus, push, rabbitmq, redis, sql, sqs
from monitors.queues.source import Ask, Source, SourceError, SourceOptions

ALL: tuple[Source, ...] = (
    kumomta.SOURCE,
    nats.SOURCE,
    postfix.SOURCE,
    prometheus.SOURCE,
    push.SOURCE,
    rabbitmq.SOURCE,
    redis.SOURCE,
    sql.SOURCE,
    sqs.SOURCE,
)
SOURCES: dict[str, Source] = {source.name: source for source in ALL}


class QueueOptions(
    RootModel[
        Annotated[
            kumomta.KumoOptions
            | nats.NatsOptions
            | postfix.PostfixOptions
            | prometheus.PrometheusOptions
            | push.PushOptions
            | rabbitmq.RabbitOptions
            | redis.RedisOptions
            | sql.SqlOptions
            | sqs.SqsOptions,
            Discriminator("source"),
        ]
    ]
):
    """The options of one queue: those of its source."""


async def close() -> None:
    """End the pooled connections of every source."""
    await http.close()
    for source in ALL:
        if source.close is not None:
            await source.close()


__all__ = ["ALL", "SOURCES", "Ask", "QueueOptions", "Source", "SourceError", "SourceOptions", "close"]
