"""Own what a source tells about a queue, and the thresholds that it is read with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Sample:
    """What one look at a queue said. None is "not told" and never stands for zero.

    `depth` counts all that has not finally left, in flight included. `out_total` counts mail finally
    taken off (sent, bounced or suppressed), not attempts; `delivered_total` is the part of it that the other
    side took, where the source tells it apart. `epoch` names the incarnation of the source:
    when it changes, counters have started again. `blocked` tells why publishers cannot publish, `held`
    why sending is paused on purpose, `utilisation` how full the senders' link is (0..1).
    """

    at: datetime
    depth: int | None = None
    in_total: int | None = None
    out_total: int | None = None
    oldest_at: datetime | None = None
    consumers: int | None = None
    in_flight: int | None = None
    epoch: str | None = None
    blocked: str | None = None
    held: str | None = None
    utilisation: float | None = None
    delivered_total: int | None = None


@dataclass(frozen=True, slots=True)
class Policy:
    """How the samples of one queue are read.

    `refresh_s` is how often the source renews its own figures (RabbitMQ: 5 s), so that two looks inside
    it are not taken for standstill. `is_exact` says that depth and totals come from one snapshot: then
    one lost message in any number is found. `is_ledger` says that the totals count from the very first
    message, so that in = out + depth holds from zero. `is_pushed` tells late arrivals (ignored) from a
    poller's clock that was set back (started again). `is_gone_reset` says that this source drops its
    counters when it starts them again, instead of showing zero.
    """

    interval_s: float
    refresh_s: float = 0.0
    rate_over_s: float = 5.0
    stall_after_s: float = 30.0
    evident_after_s: float = 5.0
    oldest_warn_s: float | None = None
    oldest_fail_s: float | None = None
    slow_ratio: float = 0.25
    full_ratio: float = 0.9
    is_exact: bool = False
    is_ledger: bool = False
    is_pushed: bool = False
    is_gone_reset: bool = False

    @property
    def window_s(self) -> float:
        """The span over which rates are taken: two refreshes of the source, at least one interval."""
        return max(self.rate_over_s, self.interval_s, 2 * self.refresh_s)

    @property
    def gap_s(self) -> float:
        """A longer pause between samples breaks the rate: an outage, or a clock that was set forward."""
        return max(3 * self.interval_s, 2 * self.window_s)

    @property
    def stale_s(self) -> float:
        """Figures older than this are no longer shown as now: two missed intervals, and the poll's own time."""
        return 2 * self.interval_s + min(self.interval_s, 5.0)


@dataclass(frozen=True, slots=True)
class Context:
    """What is known about a queue besides its samples."""

    usual_ack_rate: float | None = None
    """Median ack rate of the same hour on earlier days, messages per second."""
    held_reason: str = ""
    """Why sending is paused on purpose (offline mode), empty when it is not."""
