"""Roll-ups tell the same figures as the observations, again and again, and late ones are counted in."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection

from monitors.models import DayRollup, HourRollup, HouseJob, Location, MinuteRollup, Observation
from monitors.selectors.history import latency_over, latency_quantiles, phase_means
from monitors.selectors.rollups import Grain, buckets, raw_buckets, rolled_buckets
from monitors.services.rollups import roll_up
from tests.engine.ground import make_monitor

pytestmark = pytest.mark.django_db

START = datetime(2026, 3, 29, 0, 0, tzinfo=UTC)
NOW = START + timedelta(days=2, minutes=1)
STEP = timedelta(seconds=600)


@pytest.fixture
def watched() -> tuple[int, int]:
    monitor = make_monitor("api-a")
    location = Location.objects.get()
    Observation.objects.bulk_create(
        Observation(
            monitor=monitor,
            location=location,
            at=START + number * STEP,
            result="fail" if number % 10 == 9 else "ok",
            reason="answered",
            latency_ms=None if number % 10 == 9 else 10.0 + number % 100,
            phases_ms=[["tls", 3.0], ["connect", 1.0 + number % 2]],
        )
        for number in range(288)
    )
    return monitor.pk, location.pk


def roll_all(now: datetime = NOW) -> None:
    for grain in Grain:
        job, _ = HouseJob.objects.get_or_create(name=grain.chore)
        roll_up(grain, job, now)
        job.save()


def figures(found: list) -> list:  # type: ignore[type-arg]
    return sorted((one.start_at, one.ok, one.fail, sorted(one.latencies.items())) for one in found)


def test_every_grain_counts_the_same(watched: tuple[int, int]) -> None:
    roll_all()
    assert (MinuteRollup.objects.count(), HourRollup.objects.count(), DayRollup.objects.count()) == (288, 48, 2)
    for grain in Grain:
        assert figures(rolled_buckets(grain, START, NOW)) == figures(raw_buckets(grain, START, NOW))


@pytest.mark.parametrize("ahead", [timedelta(minutes=20), timedelta(hours=1), timedelta(days=30)], ids=str)
def test_a_clock_that_was_ahead_for_a_while_leaves_no_hole(watched: tuple[int, int], ahead: timedelta) -> None:
    half = START + timedelta(days=1)
    Observation.objects.filter(at__gte=half).delete()
    roll_all(half + ahead)
    roll_all(half + timedelta(minutes=1))
    monitor, location = watched
    for number in range(6):
        Observation.objects.create(
            monitor_id=monitor, location_id=location, at=half + number * STEP, result="ok", reason="answered"
        )
    roll_all(half + timedelta(hours=1, minutes=1))
    assert figures(rolled_buckets(Grain.MINUTE, START, NOW)) == figures(raw_buckets(Grain.MINUTE, START, NOW))
    assert figures(rolled_buckets(Grain.HOUR, START, NOW)) == figures(raw_buckets(Grain.HOUR, START, NOW))


def test_rolling_up_again_changes_nothing(watched: tuple[int, int]) -> None:
    roll_all()
    before = figures(rolled_buckets(Grain.HOUR, START, NOW))
    HouseJob.objects.update(done_until=START)
    roll_all()
    assert figures(rolled_buckets(Grain.HOUR, START, NOW)) == before


def test_what_is_not_rolled_up_yet_is_read_from_finer_grains(watched: tuple[int, int]) -> None:
    roll_all(START + timedelta(hours=30, minutes=17))
    assert {row.name: row.done_until for row in HouseJob.objects.all()} == {
        "rollup-minute": START + timedelta(hours=30, minutes=16),
        "rollup-hour": START + timedelta(hours=30),
        "rollup-day": START + timedelta(hours=24),
    }
    for grain in Grain:
        assert figures(buckets(grain, START, NOW)) == figures(raw_buckets(grain, START, NOW))


def test_percentiles_of_days_are_those_of_the_observations(watched: tuple[int, int]) -> None:
    roll_all()
    Observation.objects.all().delete()
    whole = latency_over(watched[0], START, START + timedelta(days=20))
    values = sorted(10.0 + number % 100 for number in range(288) if number % 10 != 9)
    assert whole.checks == 288
    assert whole.failures == 28
    for share, estimate in ((0.5, whole.p50_ms), (0.95, whole.p95_ms), (0.99, whole.p99_ms)):
        assert estimate == pytest.approx(values[int(share * len(values)) - 1 + (share * len(values) % 1 > 0)], rel=0.02)


@pytest.mark.parametrize(
    ("length", "points"),
    [
        pytest.param(timedelta(hours=2), 12, id="by the minute"),
        pytest.param(timedelta(days=1), 144, id="by ten minutes"),
        pytest.param(timedelta(days=7), 48, id="by the hour"),
        pytest.param(timedelta(days=30), 12, id="by four hours"),
        pytest.param(timedelta(days=400), 2, id="by the day"),
    ],
)
def test_the_span_chooses_the_step_of_a_chart(watched: tuple[int, int], length: timedelta, points: int) -> None:
    roll_all()
    assert len(latency_quantiles(watched[0], START, START + length)) == points


def test_phases_keep_the_order_in_which_they_happened(watched: tuple[int, int]) -> None:
    means = phase_means(watched[0], START, START + timedelta(hours=2))
    assert list(means) == ["tls", "connect"]
    assert means["connect"][0] == (START, 1.0)


def test_a_minute_of_all_monitors_is_found_by_its_age(watched: tuple[int, int]) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE tablename = 'monitors_observation'")
        assert any("USING brin" in row[0] for row in cursor.fetchall())
