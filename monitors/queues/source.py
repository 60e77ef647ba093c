"""Own the seam of queue sources: what one is given, what it must offer, and how it fails.

SourceError
    RefusedError         the source said no: credentials, permission, wrong address
    UnreachableError     nobody answered: refused, timeout, TLS
    UnreadableError      an answer came that cannot be what was asked for
    MissingError         the source answers and does not know this queue
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, HttpUrl, model_validator

from monitors.flow import Sample
from monitors.options import Duration, Secret, Strict
from monitors.queues.exposition import selector

BIGGEST = 2**60
"""What is computed from four counts still fits into the database's 64 bits."""


class SourceError(Exception):
    """A queue source told nothing. `reason` is a stable code, `sentence` the same for people."""

    def __init__(self, reason: str, sentence: str, evidence: str | None = None) -> None:
        super().__init__(sentence)
        self.reason = reason
        self.sentence = sentence
        self.evidence = evidence


class RefusedError(SourceError):
    """The source refused us; asking again will not help until someone changes something."""


class UnreachableError(SourceError):
    """The source did not answer in time, or at all."""


class UnreadableError(SourceError):
    """The source answered with something that is not what it should be."""


class MissingError(SourceError):
    """The source answers and does not know what we ask for."""


def checked(series: str) -> str:
    selector(series)
    return series


Series = Annotated[str, AfterValidator(checked)]
"""A series as it is written in an exporter's page: `name` or `name{label="value"}`."""


class Ages(Strict):
    """How old the oldest mail may be: beyond `warn` the queue is delayed, beyond `fail` seriously so."""

    warn: Duration | None = None
    fail: Duration | None = None


class Link(Strict):
    """Where the fill of the senders' link is told: a Prometheus text page, and on it `series` (a ratio 0..1), or
    `bits` (a counter of bits sent) with `capacity` (bits a second: a number or a series)."""

    url: HttpUrl
    series: Series | None = None
    bits: Series | None = None
    capacity: float | Series | None = None

    @model_validator(mode="after")
    def tell_one_way(self) -> Self:
        if (self.series is None) == (self.bits is None) or (self.bits is None) != (self.capacity is None):
            raise ValueError("give series, or bits with capacity")
        return self


class SourceOptions(Strict):
    """What every queue may say, whatever its source."""

    oldest: Ages = Ages()
    stall_after: Duration = timedelta(seconds=30)
    evident_after: Duration = Field(default=timedelta(seconds=5), description="Stall at once when no consumer is there")
    slow_below_pct: float = Field(default=25.0, gt=0, lt=100)
    link: Link | None = None
    conservation: bool = Field(
        default=True, description="Off where mail leaves on purpose without acknowledgement: TTL, length limit"
    )


@dataclass(frozen=True, slots=True)
class Ask:
    """One look at a queue. `deadline_s` is all the time there is."""

    monitor_id: int
    options: Any
    deadline_s: float
    interval_s: float


def no_traits(options: Any) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, slots=True)
class Source:
    """A kind of queue source. To add one: a file with its options and `read`, and an entry in `ALL`.

    `read` gives the samples that are new, oldest first (all but `push` give one), or raises SourceError;
    it may be cancelled at any await. `traits` gives the fields of `flow.Policy` that this source fixes.
    `close` ends pooled connections.
    """

    name: str
    options: type[SourceOptions]
    read: Callable[[Ask], Awaitable[list[Sample]]]
    host: Callable[[Any], str]
    traits: Callable[[Any], Mapping[str, Any]] = no_traits
    close: Callable[[], Awaitable[None]] | None = None


def without_password(address: object) -> object:
    """Addresses may stand in the file as they are, unless they hold a secret."""
    if isinstance(address, str) and (urlsplit(address).password or "password=" in address):
        raise ValueError("an address with a password is a secret: write it as {env: NAME} or {file: PATH}")
    return address


SafeAddress = Annotated[str | Secret, BeforeValidator(without_password)]
"""A DSN or URL: plain without a password, else by reference."""


def revealed(address: str | Secret) -> str:
    return address if isinstance(address, str) else address.reveal()


def whole(value: Any) -> int | None:
    """A count as sources write it (int, float, digits); None for what is no count: absent, NaN, beyond BIGGEST."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        return None
    if not abs(number) <= BIGGEST:
        return None
    return int(value) if isinstance(value, int) else round(number)


def reveal(secret: Secret | None) -> str | None:
    return None if secret is None else secret.reveal()


def instant(epoch_s: float | None, now: datetime) -> datetime | None:
    """A time from epoch seconds; None when not told or impossible."""
    if epoch_s is None:
        return None
    try:
        return datetime.fromtimestamp(epoch_s, tz=now.tzinfo)
    except (ValueError, OverflowError, OSError):
        return None
