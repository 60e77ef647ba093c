"""Own the writing of heartbeats: take a job's call, keep the last ones, and let the prober look at once."""

from __future__ import annotations

from django.db import connection, transaction

from monitors.evidence import capped, printable
from monitors.heartbeat_keys import read_key
from monitors.models import HeartbeatSignal, Monitor
from monitors.services.watches import run_now

NOTE_LIMIT_BYTES = 10_000
SIGNALS_KEPT = 200
"""Per monitor: enough to see a pattern, and a job that calls in a tight loop fills no disk."""

FORGET_SQL = """
DELETE FROM monitors_heartbeatsignal WHERE monitor_id = %s AND id <= (
    SELECT id FROM monitors_heartbeatsignal WHERE monitor_id = %s ORDER BY id DESC OFFSET %s LIMIT 1)
"""


class HeartbeatUnknownError(Exception):
    """No heartbeat monitor has this address."""


@transaction.atomic
def take_heartbeat(key: str, kind: HeartbeatSignal.Kind, exit_code: int | None, note: bytes) -> HeartbeatSignal:
    """Keep one call of a job. Raises HeartbeatUnknownError, alike for every key that is not right."""
    monitor = _monitor_of(key)
    signal = HeartbeatSignal.objects.create(
        monitor=monitor, kind=kind, exit_code=exit_code, note=capped(printable(note), NOTE_LIMIT_BYTES)
    )
    with connection.cursor() as cursor:
        cursor.execute(FORGET_SQL, [monitor.pk, monitor.pk, SIGNALS_KEPT])
    if not monitor.is_paused:
        run_now(monitor)
    return signal


def _monitor_of(key: str) -> Monitor:
    found = read_key(key)
    if found is None:
        raise HeartbeatUnknownError
    monitor = Monitor.objects.filter(pk=found[0], kind="heartbeat", removed_at=None).first()
    if monitor is None or int(monitor.options.get("key_number", 1)) != found[1]:
        raise HeartbeatUnknownError
    return monitor
