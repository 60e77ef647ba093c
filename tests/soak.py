"""Own `make soak`: Standpipe under its own `manage.py up` for a while, watched for growth, restarts and errors.

`make soak ARGS="--minutes 60 --sandbox"`. Exit 1 when a process had to be started again, logged an error, or grew by
more than half after the first tenth of the time.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from pathlib import Path

from tests.running import Up

SAMPLES = 20
GROWTH_ALLOWED = 1.5
ROLES = {"web": "manage.py serve", "prober": "manage.py probe", "responder": "manage.py respond", "up": "manage.py up"}
RESTARTED = re.compile(r"starting it again|was started again|starting another")
ERROR = re.compile(r"level=error|Traceback")


def main() -> int:
    arguments = parsed()
    with tempfile.TemporaryDirectory(prefix="standpipe-soak-") as directory:
        up = Up(Path(directory))
        try:
            samples = watch(up.start(is_with_sandbox=arguments.sandbox), arguments.minutes * 60)
            up.end()
        finally:
            up.sweep()
        return verdict(up.said, samples)


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--sandbox", action="store_true", help="watch the sandbox platform, with its load, too")
    return parser.parse_args()


def watch(up: Up, duration_s: float) -> list[dict[str, float]]:
    print(f"{'at s':>7} " + " ".join(f"{role:>10}" for role in ROLES) + "   resident MB; database MB last")
    samples = []
    started = time.monotonic()
    while (passed := time.monotonic() - started) < duration_s:
        time.sleep(duration_s / SAMPLES)
        sample = {role: resident_mb(up.pids(words)) for role, words in ROLES.items()}
        samples.append(sample)
        figures = [*sample.values(), directory_mb(up.data / "postgres")]
        print(f"{passed:>7.0f} " + " ".join(f"{figure:>10.1f}" for figure in figures), flush=True)
    return samples


def verdict(said: str, samples: list[dict[str, float]]) -> int:
    settled, last = samples[len(samples) // 10], samples[-1]
    problems = [
        f"{role} grew from {settled[role]:.0f} to {last[role]:.0f} MB"
        for role in ROLES
        if is_grown(role, settled, last)
    ]
    problems += [line for line in said.splitlines() if RESTARTED.search(line) or ERROR.search(line)]
    for problem in problems[:50]:
        print(f"! {problem}")
    if not problems:
        print("soak: nothing restarted, failed or grew")
        return 0
    with tempfile.NamedTemporaryFile("w", prefix="standpipe-soak-", suffix=".log", delete=False) as file:
        file.write(said)
    print(f"soak: {len(problems)} problems; all that was said is in {file.name}")
    return 1


def is_grown(role: str, settled: dict[str, float], last: dict[str, float]) -> bool:
    return last[role] > GROWTH_ALLOWED * settled[role]


def resident_mb(pids: list[int]) -> float:
    found = (re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text()) for pid in pids)
    return sum(int(match[1]) for match in found if match) / 1024


def directory_mb(directory: Path) -> float:
    return sum(file.stat().st_size for file in directory.rglob("*") if file.is_file()) / 2**20


if __name__ == "__main__":
    sys.exit(main())
