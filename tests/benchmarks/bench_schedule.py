"""Own the figures of punctuality: a thousand monitors every ten seconds on one prober, and the memory it takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path

import django

django.setup()

from django.db import connection  # noqa: E402

from tests.benchmarks.probing import make_monitors, measured  # noqa: E402
from tests.benchmarks.rows import Row, bounded, cpu_s, heading, resident_mb  # noqa: E402
from tests.peers import Nginx  # noqa: E402

MONITORS = 1_000
EVERY = timedelta(seconds=10)
LAG_SECONDS = 22.0
MEMORY_SECONDS = 25.0
ROOT = Path(__file__).resolve().parents[2]


def main() -> None:
    heading()
    with Nginx() as nginx:
        options = {"url": f"{nginx.url}/health", "expect": {"json": {"status": "ok"}}}
        make_monitors("http", MONITORS, EVERY, lambda number: options)
        # The first slots of all come together when they are claimed; what counts is every day after.
        run = measured(LAG_SECONDS, warm_up_s=12.0)
        lags = sorted(run.lags_ms)
        for share in (0.5, 0.99):
            lag = lags[int(share * (len(lags) - 1))]
            bounded(f"schedule lag p{share * 100:.0f}, 1,000 monitors every 10 s", lag, 250, "ms").show()
        expected = MONITORS * run.seconds / EVERY.total_seconds()
        Row("  checks made, of those scheduled", f"{run.checks}", f"{expected:.0f}").show()
        load = run.cpu_s / run.seconds
        Row("  share of one CPU, prober / Postgres", f"{load:.0%}", f"{run.database_cpu_s / run.seconds:.0%}").show()
        memory()


def memory() -> None:
    """Of the real command, since this process holds Django's tests and the measuring as well."""
    command = [sys.executable, "manage.py", "probe", "--location", "bench", "--json"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        assert process.stdout is not None
        until, seen = time.monotonic() + MEMORY_SECONDS, set()
        os.set_blocking(process.stdout.fileno(), True)
        for line in process.stdout:
            seen.add(json.loads(line)["monitor"])
            if len(seen) == MONITORS or time.monotonic() > until:
                break
        bounded(f"memory of the prober with {len(seen)} monitors", resident_mb(process.pid), 150, "MB").show()
        Row("  CPU seconds until all were checked once", f"{cpu_s(process.pid):.1f} s").show()
    finally:
        process.kill()
        process.wait()
    with connection.cursor() as cursor:
        cursor.execute("UPDATE monitors_watch SET claimed_by = NULL")


if __name__ == "__main__":
    main()
