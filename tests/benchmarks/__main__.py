"""Own `make bench`: every benchmark in a process of its own, on a fresh embedded database of their own.

`make bench ARGS="fanout checks"` runs those two. A benchmark is run by `python -m tests.benchmarks.bench_<what>`
with Django's settings named and the tables made; it calls `django.setup()` itself where it needs it.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
CHECKOUT = HERE.parent.parent


def main(wanted: list[str]) -> int:
    known = sorted(file.stem.removeprefix("bench_") for file in HERE.glob("bench_*.py"))
    if unknown := set(wanted) - set(known):
        print(f"unknown: {', '.join(sorted(unknown))}; known: {', '.join(known)}", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(prefix="standpipe-bench-") as data:
        environment = {name: value for name, value in os.environ.items() if name != "DATABASE_URL"}
        environment |= {"STANDPIPE_DATA_DIR": data, "DJANGO_SETTINGS_MODULE": "statuspage.settings"}
        # Held by this process, so that the database is not stopped and started between two benchmarks.
        held = hold_database(environment)
        try:
            return max((run(name, environment) for name in wanted or known), default=0)
        finally:
            held.communicate()


def hold_database(environment: dict[str, str]) -> subprocess.Popen[str]:
    run_manage = [sys.executable, "manage.py"]
    subprocess.run([*run_manage, "migrate", "--verbosity", "0"], cwd=CHECKOUT, env=environment, check=True)
    hold = "from django.db import connection; connection.ensure_connection(); print('held', flush=True); input()"
    held = subprocess.Popen(
        [*run_manage, "shell", "--no-imports", "--command", hold],
        cwd=CHECKOUT,
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert held.stdout is not None
    held.stdout.readline()
    return held


def run(name: str, environment: dict[str, str]) -> int:
    print(f"\n== {name}", flush=True)
    started = time.monotonic()
    status = subprocess.run(
        [sys.executable, "-m", f"tests.benchmarks.bench_{name}"], cwd=CHECKOUT, env=environment, check=False
    ).returncode
    print(
        f"== {name}: {'done' if status == 0 else f'FAILED with status {status}'} in {time.monotonic() - started:.0f} s"
    )
    return int(status != 0)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
