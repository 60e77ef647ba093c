"""Intervals in the database never overlap; months are frozen once; a year for many components is one query."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, transaction

from monitors.models import StateInterval, UptimeMonth
from monitors.results import Verdict
from monitors.selectors.history import days_by_component, intervals, uptime, uptime_of_month
from monitors.services.uptime import freeze_months
from monitors.uptime import Window
from tests.engine.ground import make_component

pytestmark = pytest.mark.django_db

MARCH = datetime(2026, 3, 1, tzinfo=UTC)
APRIL = datetime(2026, 4, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def stand(component: Any, verdict: str, start: datetime, end: datetime | None = None) -> StateInterval:
    return StateInterval.objects.create(component=component, verdict=verdict, started_at=start, ended_at=end)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        pytest.param(MARCH + HOUR, MARCH + 2 * HOUR, id="inside"),
        pytest.param(MARCH - HOUR, MARCH + 2 * HOUR, id="over the start"),
        pytest.param(MARCH + 9 * HOUR, None, id="open, over the end"),
        pytest.param(MARCH + HOUR, MARCH + HOUR, id="without length"),
    ],
)
def test_the_database_refuses_two_states_at_once(start: datetime, end: datetime | None) -> None:
    api = make_component("api")
    stand(api, "up", MARCH, MARCH + 10 * HOUR)
    with pytest.raises(IntegrityError), transaction.atomic():
        stand(api, "down", start, end)


def test_adjoining_states_and_other_subjects_are_no_overlap() -> None:
    api = make_component("api")
    stand(api, "up", MARCH, MARCH + HOUR)
    stand(api, "down", MARCH + HOUR)
    stand(make_component("smtp"), "up", MARCH)
    assert [span.verdict for span in intervals(MARCH, APRIL, component_id=api.pk)] == [Verdict.UP, Verdict.DOWN]


def test_a_closed_month_is_frozen_once_and_computed_the_same() -> None:
    api = make_component("api")
    stand(api, "up", MARCH, MARCH + 10 * HOUR)
    down = stand(api, "down", MARCH + 10 * HOUR, MARCH + 12 * HOUR)
    stand(api, "up", MARCH + 12 * HOUR)
    assert freeze_months(APRIL + timedelta(days=2)) == 1
    frozen, is_frozen = uptime_of_month(date(2026, 3, 15), APRIL, component_id=api.pk)
    assert is_frozen
    assert frozen == uptime(Window(MARCH, APRIL), component_id=api.pk)
    assert frozen.down == 2 * HOUR
    StateInterval.objects.filter(pk=down.pk).update(verdict="up")
    assert freeze_months(APRIL + timedelta(days=2)) == 0
    assert UptimeMonth.objects.get().down == 2 * HOUR


def test_a_month_is_not_frozen_while_a_spool_may_still_come() -> None:
    stand(make_component("api"), "up", MARCH)
    assert freeze_months(APRIL + HOUR) == 0


def test_the_current_month_runs_until_now() -> None:
    api = make_component("api")
    stand(api, "up", MARCH)
    counted, is_frozen = uptime_of_month(date(2026, 3, 1), MARCH + 5 * HOUR, component_id=api.pk)
    assert not is_frozen
    assert counted.up == 5 * HOUR


def test_a_year_of_many_components_is_one_query(django_assert_num_queries: Any) -> None:
    components = [make_component(f"c{number}") for number in range(20)]
    for component in components:
        stand(component, "up", MARCH, MARCH + 30 * HOUR)
        stand(component, "down", MARCH + 30 * HOUR, MARCH + 31 * HOUR)
        stand(component, "up", MARCH + 31 * HOUR)
    with django_assert_num_queries(1):
        found = days_by_component(MARCH, MARCH + timedelta(days=365), [component.pk for component in components])
    days = found[components[0].pk]
    assert len(days) == 365
    assert [day.worst for day in days[:3]] == [Verdict.UP, Verdict.DOWN, Verdict.UP]
