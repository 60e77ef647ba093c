"""With the database gone and the disk full as well, observations stay in memory and in order."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import uuid4

import pytest
from psycopg import AsyncConnection, OperationalError

from monitors.engine.recorder import Recorder
from monitors.engine.spool import Spool
from monitors.probes import Check, Observed
from monitors.results import ProbeResult, Result

START = datetime(2026, 3, 1, tzinfo=UTC)
CHECK = Check(7, "api-a", "http", 5.0, 10.0, options=None)


class FullDisk(Spool):
    is_full = True

    def append(self, batch: Sequence[Observed]) -> None:
        if self.is_full:
            raise OSError(28, "No space left on device")
        super().append(batch)


def observed(number: int) -> Observed:
    result = ProbeResult(Result.FAIL, "refused", f"No {number}.", said="wire")
    return Observed(CHECK, 1, START + timedelta(seconds=number), result)


async def no_database() -> AsyncConnection:
    raise OperationalError("gone")


async def believe(batch: Sequence[Observed]) -> list[Observed]:
    return list(batch)


async def nothing(connection: AsyncConnection) -> None:
    raise AssertionError("there is no connection")


@pytest.mark.parametrize(("in_memory", "has_evidence"), [(10, True), (0, False)], ids=["few", "many"])
async def test_a_full_disk_loses_no_observation(
    tmp_path: Path, in_memory: int, has_evidence: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("monitors.engine.recorder.IN_MEMORY", in_memory)
    spool = FullDisk(tmp_path / "a")
    recorder = Recorder(
        uuid4(), connect=no_database, reload=nothing, doubt=believe, spool=spool, held_by_monitor={}, kinds={}
    )
    for number in range(3):
        recorder.add(observed(number), is_news=False)
        await recorder.flush()
    assert spool.waiting == 0
    spool.is_full = False
    recorder.add(observed(3), is_news=False)
    await recorder.flush()
    found = spool.peek(10, {})
    assert sorted(one.at for one in found) == [observed(number).at for number in range(4)]
    assert (found[0].result.evidence is not None) == has_evidence
    spool.advance()
    spool.close()
    recorder.close()
