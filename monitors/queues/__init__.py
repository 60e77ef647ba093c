"""Own the registry of queue sources: one file per source, one entry here."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from pydantic import Discriminator, RootModel

from monitors.flow import Sample
from monitors.queues import http, kumomta, link, nats, postfix, prometheus, push, rabbitmq, redis, sql, sqs
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


async def look(ask: Ask) -> list[Sample]:
    """What the source tells that is new, oldest first, and how full the link is. Raises SourceError."""
    options: SourceOptions = ask.options
    samples = await SOURCES[ask.options.source].read(ask)
    if options.link is not None and samples and samples[-1].utilisation is None:
        samples[-1] = replace(samples[-1], utilisation=await link.utilisation(options.link, ask))
    return samples


async def close() -> None:
    """End the pooled connections of every source."""
    await http.close()
    for source in ALL:
        if source.close is not None:
            await source.close()


__all__ = ["ALL", "SOURCES", "Ask", "QueueOptions", "Source", "SourceError", "SourceOptions", "close", "look"]
