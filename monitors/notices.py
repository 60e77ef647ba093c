"""Own the "look again" hints: names of the NOTIFY channels and the one way to send on them."""

from __future__ import annotations

import json
from typing import Any

from django.db import connection

CONFIG_CHANNEL = "standpipe_config"
"""Monitors were added, changed, paused or removed: probers reload their claims."""
STATE_CHANNEL = "standpipe_state"
"""A monitor, component or queue changed state, or a finding opened or closed."""
SAMPLE_CHANNEL = "standpipe_samples"
"""New observations or queue samples were stored; at most one a batch."""

NOTIFY_SQL = "SELECT pg_notify(%s, %s)"


def notify(channel: str, **hint: Any) -> None:
    """Send a hint inside the caller's transaction: listeners hear it only if the rows are there."""
    with connection.cursor() as cursor:
        cursor.execute(NOTIFY_SQL, [channel, json.dumps(hint)])
