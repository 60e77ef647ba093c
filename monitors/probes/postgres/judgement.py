"""Own what a PostgreSQL server's figures amount to: thresholds, in the order of their danger."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from monitors.certificates import words_for
from monitors.probes.attempt import Remark
from monitors.probes.postgres.figures import Backend, Figures
from monitors.probes.postgres.options import PostgresOptions

NEEDS_PG_MONITOR = {"max_blocked", "max_transaction", "max_idle_in_transaction", "max_replay_lag", "min_replicas"}
MEGABYTE = 1024 * 1024


def failure(options: PostgresOptions, figures: Figures) -> Remark | None:
    """What is down for those who need this server: the wrong role, or transaction ids about to run out."""
    actual = "replica" if figures.is_replica else "primary"
    if options.role and options.role != actual:
        return Remark("role_differs", f"the server is a {actual}, expected a {options.role}")
    if figures.freeze_age is not None and figures.freeze_age > options.max_freeze_age:
        left = f"{figures.freeze_age:,} transactions old, expected at most {options.max_freeze_age:,}"
        return Remark("freeze_age", f"the oldest unfrozen row is {left}: writes stop at 2,146,483,647")
    return None


def warnings(options: PostgresOptions, figures: Figures) -> Iterator[Remark]:
    yield from _connections(options, figures)
    yield from _blocked(options, figures)
    yield from _too_long(
        "transaction_long", "has a transaction open for", figures.transactions, options.max_transaction
    )
    idle = figures.idle_in_transaction
    yield from _too_long("transaction_idle", "is idle in a transaction for", idle, options.max_idle_in_transaction)
    yield from _replication(options, figures)
    yield from _slots(options, figures)
    asked = NEEDS_PG_MONITOR & options.model_fields_set
    if figures.hidden and asked:
        names = ", ".join(sorted(asked))
        yield Remark(
            "monitoring_limited",
            f"{figures.hidden} backends are hidden from our role, so {names} is not known: grant pg_monitor",
        )


def _connections(options: PostgresOptions, figures: Figures) -> Iterator[Remark]:
    used, bound = figures.connections, figures.max_connections
    if used * 100 > bound * options.max_connections_pct:
        expected = f"expected at most {options.max_connections_pct} %"
        yield Remark("connections_high", f"{used} of {bound} connections used ({used * 100 // bound} %), {expected}")


def _blocked(options: PostgresOptions, figures: Figures) -> Iterator[Remark]:
    if options.max_blocked is None or not figures.blocked:
        return
    worst = max(figures.blocked, key=lambda blocked: blocked.worst_s)
    if worst.worst_s > options.max_blocked.total_seconds():
        open_s = worst.blocker_xact_s
        held = "" if open_s is None else f", whose transaction is open for {words_for(timedelta(seconds=open_s))}"
        others = f", {figures.blocked_count} wait in all" if figures.blocked_count > 1 else ""
        yield Remark("backend_blocked", f"{worst}{held}: waiting for {worst.seconds or 0:.0f} s{others}")


def _too_long(reason: str, words: str, backends: list[Backend], bound: timedelta | None) -> Iterator[Remark]:
    if bound is None or not backends:
        return
    worst = backends[0]
    if (worst.seconds or 0) > bound.total_seconds():
        yield Remark(reason, f"{worst} {words} {words_for(timedelta(seconds=worst.seconds or 0))}")


def _replication(options: PostgresOptions, figures: Figures) -> Iterator[Remark]:
    streaming = [replica for replica in figures.replicas if replica.state == "streaming"]
    if options.min_replicas is not None and len(streaming) < options.min_replicas and not figures.hidden:
        yield Remark("replica_missing", f"{len(streaming)} replicas are streaming, expected {options.min_replicas}")
    if options.max_replay_lag is None:
        return
    lags = [(replica.lag_s, replica.name or "a replica") for replica in streaming if replica.lag_s is not None]
    if figures.replay_lag_s is not None:
        lags.append((figures.replay_lag_s, "this replica"))
    if lags and max(lags)[0] > options.max_replay_lag.total_seconds():
        seconds, name = max(lags)
        yield Remark(
            "replica_lagging",
            f"{name} is {seconds:.0f} s behind, expected at most {options.max_replay_lag.total_seconds():.0f} s",
        )


def _slots(options: PostgresOptions, figures: Figures) -> Iterator[Remark]:
    for slot in figures.slots:
        retained_mb = (slot.retained_bytes or 0) / MEGABYTE
        if options.max_slot_retained_mb is not None and not slot.active and retained_mb > options.max_slot_retained_mb:
            yield Remark("slot_retains_wal", f"inactive slot {slot.name} holds back {retained_mb:.0f} MB of WAL")
