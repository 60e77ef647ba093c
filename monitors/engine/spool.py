"""Own what waits on disk while Postgres is gone: observations in order, and beside them their evidence, bounded.

Two kinds of file, because only one of them may be cut: `observations.jsonl` keeps every observation; evidence goes
to segments of its own, and when all together grow beyond the limit the oldest segment of evidence is removed.
Lines are JSON; a last line that a crash cut short is skipped.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from monitors.engine.held import Held
from monitors.probes import Check, Observed
from monitors.results import ProbeResult, Result
from monitors.schedule import microseconds, moment

SEGMENT_BYTES = 4 * 1024 * 1024
LIMIT_BYTES = 256 * 1024 * 1024
OBSERVATIONS = "observations.jsonl"


class Spool:
    """A queue of observations in one directory, which belongs to one process for as long as it holds the lock."""

    def __init__(self, directory: Path, *, limit_bytes: int = LIMIT_BYTES, segment_bytes: int = SEGMENT_BYTES) -> None:
        self.directory, self.limit_bytes, self.segment_bytes = directory, limit_bytes, segment_bytes
        directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._lock = locked(directory / "lock")
        self._segments = deque(sorted(directory.glob("evidence-*.jsonl"), key=segment_number))
        self._number = segment_number(self._segments[-1]) + 1 if self._segments else 0
        self._evidence: IO[bytes] | None = None
        self._kept_evidence: Iterator[tuple[int, str]] | None = None
        self._next_evidence: tuple[int, str] | None = None
        # Without a buffer: what the disk refused must not lie there, and be written with the next batch.
        self._observations = (directory / OBSERVATIONS).open("a+b", buffering=0)
        end_cut_line(self._observations)
        self.waiting = count_lines(directory / OBSERVATIONS)
        self._position = self._peeked = 0
        self._reader = (directory / OBSERVATIONS).open("rb")
        self._evidence_bytes = sum(path.stat().st_size for path in self._segments)
        self.dropped_segments = 0
        # Numbers pair evidence with observations. They begin above all that a process before us may have given.
        self._serial = last_serial(directory / OBSERVATIONS)

    def append(self, batch: Sequence[Observed]) -> None:
        """Keep a batch; on return it survives the death of this process, not of the machine."""
        lines, evidence = [], []
        for observed in batch:
            self._serial += 1
            lines.append(observation_line(self._serial, observed))
            if observed.result.said is not None:
                evidence.append(json.dumps([self._serial, observed.result.evidence]) + "\n")
        self._append_observations("".join(lines).encode())
        self.waiting += len(lines)
        try:
            self._append_evidence("".join(evidence).encode())
        except OSError:
            # No room for evidence is no reason to offer the observations once more.
            self._abandon_segment()

    def peek(self, limit: int, held_by_monitor: Mapping[int, Held]) -> list[Observed]:
        """The oldest observations, up to `limit`. They stay until `advance`."""
        self._position = self._reader.tell()
        batch: list[Observed] = []
        while len(batch) < limit and (line := self._reader.readline()):
            observed = self._observed(line, held_by_monitor)
            if observed is not None:
                batch.append(observed)
        self._peeked = len(batch)
        if not batch:
            self.waiting = 0
        return batch

    def step_back(self) -> None:
        """The peeked batch could not be stored: it is the next again."""
        self._reader.seek(self._position)
        self._kept_evidence = self._next_evidence = None

    def advance(self) -> None:
        """The peeked batch is stored. When nothing is left, the files are emptied."""
        self.waiting -= self._peeked
        if self.waiting <= 0:
            self._empty()

    def close(self) -> None:
        """Let go of the directory, and remove it when nothing is left in it to lose."""
        if not self.waiting:
            self._empty()
            shutil.rmtree(self.directory, ignore_errors=True)
        for file in (self._evidence, self._observations, self._reader, self._lock):
            if file is not None:
                file.close()

    def _append_observations(self, lines: bytes) -> None:
        """All of a batch or nothing: it is offered again, and what a full disk took of it would be there twice."""
        end = self._observations.seek(0, os.SEEK_END)
        left = memoryview(lines)
        try:
            while left:
                left = left[self._observations.write(left) :]
        except OSError:
            self._observations.truncate(end)
            raise

    def _append_evidence(self, lines: bytes) -> None:
        if not lines:
            return
        if self._evidence is None or self._evidence.tell() >= self.segment_bytes:
            self._begin_segment()
        assert self._evidence is not None
        self._evidence.write(lines)
        self._evidence.flush()
        self._evidence_bytes += len(lines)
        while self._segments and self._evidence_bytes + self._observations.tell() > self.limit_bytes:
            self._drop_oldest_segment()

    def _begin_segment(self) -> None:
        if self._evidence is not None:
            self._evidence.close()
        path = self.directory / f"evidence-{self._number}.jsonl"
        self._number += 1
        self._evidence = path.open("ab")
        self._segments.append(path)

    def _abandon_segment(self) -> None:
        if self._evidence is not None:
            with suppress(OSError):
                self._evidence.close()
            self._evidence = None
        if self._segments:
            self._drop_oldest_segment()

    def _drop_oldest_segment(self) -> None:
        path = self._segments.popleft()
        self._evidence_bytes = max(self._evidence_bytes - path.stat().st_size, 0)
        path.unlink()
        self.dropped_segments += 1
        if not self._segments and self._evidence is not None:
            self._evidence.close()
            self._evidence = None

    def _observed(self, line: bytes, held_by_monitor: Mapping[int, Held]) -> Observed | None:
        try:
            row = json.loads(line)
        except ValueError:
            return None
        evidence = self._evidence_of(row["n"]) if row["e"] else None
        return observed_from(row, evidence, held_by_monitor)

    def _evidence_of(self, serial: int) -> str | None:
        """Evidence lies in the order of its observations; what is missing was dropped."""
        if self._kept_evidence is None:
            self._kept_evidence = evidence_lines(list(self._segments))
            self._next_evidence = next(self._kept_evidence, None)
        while self._next_evidence is not None and self._next_evidence[0] < serial:
            self._next_evidence = next(self._kept_evidence, None)
        if self._next_evidence is None:
            # The end was reached while more is being written: read on from the beginning next time.
            self._kept_evidence = None
            return None
        return self._next_evidence[1] if self._next_evidence[0] == serial else None

    def _empty(self) -> None:
        self.waiting = 0
        if self._evidence is not None:
            self._evidence.close()
        self._evidence = self._kept_evidence = self._next_evidence = None
        while self._segments:
            self._segments.popleft().unlink(missing_ok=True)
        self._evidence_bytes = 0
        self._observations.truncate(0)
        # By way of the end: straight to the beginning may stay within the buffer, and serve from there what is gone.
        self._reader.seek(0, os.SEEK_END)
        self._reader.seek(0)


def locked(path: Path) -> IO[str]:
    """The file, held until it is closed or the process ends. Raises BlockingIOError when another holds it."""
    file = path.open("w")
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.close()
        raise
    return file


def segment_number(path: Path) -> int:
    return int(path.stem.partition("-")[2])


def end_cut_line(file: IO[bytes]) -> None:
    """A crash may have cut the last line short; the next one must not be glued to it."""
    if file.seek(0, 2) and file.seek(-1, 2) is not None and file.read(1) != b"\n":
        file.write(b"\n")
        file.flush()


def lines_of(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        yield from file


def count_lines(path: Path) -> int:
    return sum(1 for _ in lines_of(path))


def last_serial(path: Path) -> int:
    serial = 0
    for line in lines_of(path):
        try:
            serial = json.loads(line)["n"]
        except ValueError:
            continue
    return serial


def evidence_lines(segments: Sequence[Path]) -> Iterator[tuple[int, str]]:
    for path in segments:
        if not path.exists():
            continue
        for line in lines_of(path):
            try:
                serial, text = json.loads(line)
            except ValueError:
                continue
            yield serial, text


def observation_line(serial: int, observed: Observed) -> str:
    check, result = observed.check, observed.result
    row = {
        "n": serial,
        "e": result.said is not None,
        "monitor": check.monitor_id,
        "location": observed.location_id,
        "at": microseconds(observed.at),
        "result": result.result.value,
        "reason": result.reason,
        "sentence": result.sentence,
        "latency_ms": result.latency_ms,
        "phases_ms": dict(result.phases_ms),
        "details": result.details,
        "check": [check.slug, check.kind, check.timeout_s, check.interval_s],
    }
    return json.dumps(row, default=str) + "\n"


def observed_from(row: Mapping[str, Any], evidence: str | None, held_by_monitor: Mapping[int, Held]) -> Observed:
    held = held_by_monitor.get(row["monitor"])
    check = held.check if held is not None else bare_check(row["monitor"], *row["check"])
    result = ProbeResult(
        Result(row["result"]),
        row["reason"],
        row["sentence"],
        row["latency_ms"],
        row["phases_ms"],
        evidence,
        row["details"],
    )
    return Observed(check, row["location"], moment(row["at"]), result)


def bare_check(monitor_id: int, slug: str, kind: str, timeout_s: float, interval_s: float) -> Check:
    """A check whose monitor is held no more: its configuration is not needed to store what it saw."""
    return Check(monitor_id, slug, kind, timeout_s, interval_s, options=None)


def adopted_spools(parent: Path) -> Iterator[Spool]:
    """Spools beside ours that a process left behind when it died. One that is still locked has a living owner."""
    for path in sorted(parent.glob(f"*/{OBSERVATIONS}")):
        with suppress(BlockingIOError, FileNotFoundError):
            spool = Spool(path.parent)
            if spool.waiting:
                yield spool
            else:
                spool.close()
