"""Own the storing of samples that queues push: once each, to be read by the prober."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import connection, transaction

# Two pushes of the same sample at the same moment: the second finds the first one's row and changes nothing.
STORE = """
INSERT INTO monitors_queuesample (monitor_id, at, depth, in_total, out_total, oldest_at, consumers, in_flight, is_read)
SELECT monitor_id, at, depth, in_total, out_total, oldest_at, consumers, in_flight, false
FROM jsonb_to_recordset(%s) AS told (monitor_id int, at timestamptz, depth bigint, in_total bigint,
    out_total bigint, oldest_at timestamptz, consumers int, in_flight bigint)
ORDER BY monitor_id, at
ON CONFLICT (monitor_id, at) DO NOTHING
"""


@transaction.atomic
def store_pushed(rows: Sequence[Mapping[str, Any]]) -> int:
    """Store samples with the keys of the table; how many were new. One statement."""
    with connection.cursor() as cursor:
        cursor.execute(STORE, [json.dumps(list(rows))])
        return int(cursor.rowcount)
