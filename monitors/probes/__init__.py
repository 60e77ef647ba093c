"""Own the registry of monitor kinds: one file per kind, one entry here."""

from __future__ import annotations

from monitors.probes import dns, domain, heartbeat, http, pool, postgres, queue, redis, smtp, tcp, tls
from monitors.probes.kind import Check, Kind, Observed

ALL: tuple[Kind, ...] = (
    dns.KIND,
    domain.KIND,
    heartbeat.KIND,
    http.KIND,
    pool.KIND,
    postgres.KIND,
    queue.KIND,
    redis.KIND,
    smtp.KIND,
    tcp.KIND,
    tls.KIND,
)
KINDS: dict[str, Kind] = {kind.name: kind for kind in ALL}

__all__ = ["KINDS", "Check", "Kind", "Observed"]
