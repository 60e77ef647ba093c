"""Days are made ahead and dropped after their time, and no row is refused for want of a day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from monitors.models import Location, Observation
from monitors.services.partitions import partition_days, partitioned_tables, tend_partitions
from tests.engine.ground import make_monitor

pytestmark = pytest.mark.django_db

NOW = datetime(2028, 2, 28, 23, 30, tzinfo=UTC)


def days() -> set[datetime]:
    return set(partition_days(partitioned_tables()[0]))


def observe(at: datetime) -> None:
    location, _ = Location.objects.get_or_create(slug="main")
    monitor_id = make_monitor(f"m{at:%d%H%M}").pk
    Observation.objects.create(monitor_id=monitor_id, location=location, at=at, result="ok", reason="answered")


def test_days_are_made_ahead_over_a_leap_day() -> None:
    tend_partitions(NOW)
    assert {day.date().isoformat() for day in days()} >= {"2028-02-28", "2028-02-29", "2028-03-01", "2028-03-02"}


def test_rows_that_came_before_their_day_move_into_it() -> None:
    observe(NOW)
    observe(NOW + timedelta(days=300))
    tend_partitions(NOW)
    assert Observation.objects.filter(at=NOW).count() == 1
    assert Observation.objects.count() == 2


def test_days_are_dropped_when_their_time_is_over(settings: Any) -> None:
    settings.KEEP_OBSERVATIONS = timedelta(days=3)
    tend_partitions(NOW)
    observe(NOW)
    tend_partitions(NOW + timedelta(days=3))
    assert Observation.objects.filter(at=NOW).exists()
    tend_partitions(NOW + timedelta(days=3, hours=1))
    assert not Observation.objects.filter(at=NOW).exists()


def test_tending_twice_changes_nothing() -> None:
    tend_partitions(NOW)
    before = days()
    tend_partitions(NOW)
    assert days() == before
