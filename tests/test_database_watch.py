"""`manage.py up` says what happens to the embedded database while it cannot be started."""

from __future__ import annotations

from pathlib import Path

import pytest

from statuspage.database import embedded
from statuspage.database.place import Place
from statuspage.database.watch import DatabaseWatch, last_reason


@pytest.fixture
def place(tmp_path: Path) -> Place:
    place = Place(tmp_path)
    place.data.mkdir()
    (place.data / "postmaster.pid").write_text("1234\n")
    return place


@pytest.fixture
def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setattr(embedded, "is_guarded", lambda place: True)
    return []


def watch(place: Place, said: list[str]) -> DatabaseWatch:
    watching = DatabaseWatch(place, lambda name, line: said.append(line))
    watching.look()
    return watching


def look_again(watching: DatabaseWatch) -> None:
    watching.due_at_s = 0.0
    watching.look()


def test_all_is_well_in_silence(place: Place, said: list[str]) -> None:
    look_again(watch(place, said))
    assert said == []


def test_a_new_process_number_is_a_restart(place: Place, said: list[str]) -> None:
    watching = watch(place, said)
    (place.data / "postmaster.pid").write_text("1300\n")
    look_again(watching)
    assert said == ["the database ended and was started again as process 1300"]


def test_a_database_that_stays_down_is_told_with_its_reason_and_not_at_each_look(place: Place, said: list[str]) -> None:
    watching = watch(place, said)
    (place.data / "postmaster.pid").unlink()
    place.log.write_text("2026-01-01 [1] PANIC:  could not write: No space left on device\n2026 [1] LOG:  aborting\n")
    look_again(watching)
    look_again(watching)
    assert said == ["the database is down: could not write: No space left on device"]


def test_a_log_without_a_reason_is_pointed_at(place: Place) -> None:
    assert last_reason(place) == f"see {place.log}"
