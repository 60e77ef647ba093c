"""What waits on disk keeps its order and all its observations; only evidence may be dropped, the oldest first."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from monitors.engine.spool import OBSERVATIONS, Spool, adopted_spools
from monitors.probes import Check, Observed
from monitors.results import ProbeResult, Result

START = datetime(2026, 3, 1, tzinfo=UTC)
CHECK = Check(7, "api-a", "http", 5.0, 10.0, options=None)


def observed(number: int, evidence: str | None = "wire\u00e9") -> Observed:
    result = ProbeResult(
        Result.FAIL, "refused", f"No {number}.", 1.25, {"tls": 2.0, "connect": 1.0}, evidence, {"depth": number}
    )
    return Observed(CHECK, 3, START + timedelta(microseconds=number), result)


def drained(spool: Spool, limit: int = 3) -> list[Observed]:
    found: list[Observed] = []
    while batch := spool.peek(limit, {}):
        found += batch
        spool.advance()
    return found


def test_it_comes_out_as_it_went_in(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "a")
    rows = [observed(number, None if number % 3 else f"wire {number}") for number in range(10)]
    spool.append(rows[:4])
    spool.append(rows[4:])
    assert drained(spool) == rows
    assert spool.waiting == 0
    spool.close()
    assert not (tmp_path / "a").exists()


def test_a_batch_that_could_not_be_stored_comes_again(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "a")
    spool.append([observed(number) for number in range(5)])
    first = spool.peek(3, {})
    spool.step_back()
    assert spool.peek(3, {}) == first
    spool.advance()
    spool.append([observed(5)])
    assert [one.result.sentence for one in drained(spool)] == ["No 3.", "No 4.", "No 5."]
    spool.close()


def test_evidence_is_dropped_before_observations(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "a", limit_bytes=60_000, segment_bytes=10_000)
    for number in range(100):
        spool.append([observed(number, "x" * 2_000)])
    assert spool.dropped_segments > 0
    found = drained(spool)
    assert len(found) == 100
    kept = [one.result.evidence is not None for one in found]
    assert kept == sorted(kept)
    assert not kept[0]
    assert kept[-1]
    spool.close()


def test_observations_alone_are_kept_beyond_the_limit(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "a", limit_bytes=1_000, segment_bytes=500)
    spool.append([observed(number) for number in range(50)])
    assert len(drained(spool)) == 50
    spool.close()


@pytest.mark.parametrize("cut", [1, 20, 100])
def test_a_line_that_a_crash_cut_short_costs_only_itself(tmp_path: Path, cut: int) -> None:
    spool = Spool(tmp_path / "a")
    spool.append([observed(0), observed(1)])
    spool._lock.close()
    path = tmp_path / "a" / OBSERVATIONS
    path.write_bytes(path.read_bytes()[:-cut])
    again = Spool(tmp_path / "a")
    again.append([observed(2)])
    numbers = [one.result.sentence for one in drained(again, limit=10)]
    assert numbers in (["No 0.", "No 2."], ["No 0.", "No 1.", "No 2."])
    for part in (spool, again):
        part.close()


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """The kernel refuses what goes beyond, as a full disk does: some of it is written, the rest is not."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)


def test_what_a_full_disk_refused_comes_once_and_hides_nothing(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "a")
    rows = [observed(number, None) for number in range(12)]
    spool.append(rows[:2])
    size = (tmp_path / "a" / OBSERVATIONS).stat().st_size
    with files_of_at_most(size + 300), pytest.raises(OSError, match="File too large"):
        spool.append(rows[2:8])
    spool.append(rows[2:8])
    spool.append(rows[8:])
    assert drained(spool, limit=5) == rows
    spool.close()


def test_a_disk_too_full_for_evidence_keeps_observations(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "a")
    with files_of_at_most(4_000):
        spool.append([observed(0, "x" * 8_000)])
        spool.append([observed(1, "short")])
    spool.append([observed(2, "after")])
    found = drained(spool)
    assert [one.result.sentence for one in found] == ["No 0.", "No 1.", "No 2."]
    assert [one.result.evidence for one in found][2] == "after"
    spool.close()


def test_only_what_a_dead_process_left_is_adopted(tmp_path: Path) -> None:
    living, dead, empty = Spool(tmp_path / "living"), Spool(tmp_path / "dead"), Spool(tmp_path / "empty")
    for spool in (living, dead):
        spool.append([observed(0)])
    dead.close()
    empty._lock.close()
    [adopted] = adopted_spools(tmp_path)
    assert adopted.directory == tmp_path / "dead"
    assert len(drained(adopted)) == 1
    assert not (tmp_path / "empty").exists()
    for spool in (adopted, living, empty):
        spool.close()
