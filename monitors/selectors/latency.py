"""Own latency over time: percentiles and phases of one monitor, in buckets, out of its observations."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

QUANTILES = """
SELECT extract(epoch FROM date_bin(%(step)s, at, 'epoch'))::float + %(half_s)s AS at,
       percentile_cont(ARRAY[0.5, 0.95, 0.99]) WITHIN GROUP (ORDER BY latency_ms)
FROM monitors_observation
WHERE monitor_id = %(monitor_id)s AND at >= %(start)s AND at < %(end)s
GROUP BY 1 ORDER BY 1
"""
PHASES = """
SELECT extract(epoch FROM date_bin(%(step)s, at, 'epoch'))::float + %(half_s)s AS at, phase->>0, avg((phase->>1)::float)
FROM monitors_observation, jsonb_array_elements(phases_ms) AS phase
WHERE monitor_id = %(monitor_id)s AND at >= %(start)s AND at < %(end)s
GROUP BY 1, 2 ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Latency in ms of the checks around `at` (epoch seconds); None where nothing was reached."""

    at: float
    p50: float | None
    p95: float | None
    p99: float | None


def quantiles(monitor_id: int, start: datetime, end: datetime, step: timedelta) -> list[Quantiles]:
    """True percentiles of each bucket, oldest first. One query."""
    with connection.cursor() as cursor:
        cursor.execute(QUANTILES, parameters(monitor_id, start, end, step))
        return [Quantiles(at, *(found or (None, None, None))) for at, found in cursor.fetchall()]


def phase_means(
    monitor_id: int, start: datetime, end: datetime, step: timedelta
) -> dict[str, list[tuple[float, float]]]:
    """Mean ms of each phase per bucket, oldest first, slowest phase first. One query."""
    means: dict[str, list[tuple[float, float]]] = {}
    with connection.cursor() as cursor:
        cursor.execute(PHASES, parameters(monitor_id, start, end, step))
        for at, phase, mean in cursor.fetchall():
            means.setdefault(phase, []).append((at, mean))
    return dict(sorted(means.items(), key=lambda item: -sum(mean for _, mean in item[1])))


def parameters(monitor_id: int, start: datetime, end: datetime, step: timedelta) -> dict[str, Any]:
    return {"monitor_id": monitor_id, "start": start, "end": end, "step": step, "half_s": step.total_seconds() / 2}
