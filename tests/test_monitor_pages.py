"""The console's pages of monitors: found, sorted, exported, and a thousand of them at once."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from monitors.models import Component, Evidence, Location, Monitor, MonitorState, Observation, StateInterval, Watch
from statuspage.roles import Role
from statuspage.services.access import add_person

pytestmark = pytest.mark.django_db
Queries = Callable[[int], AbstractContextManager[None]]
HTMX = {"HX-Request": "true"}
LOGIN_QUERIES = 3
"""Session, person, role."""


@pytest.fixture
def viewer(client: Client) -> Client:
    client.force_login(add_person("vera", "", Role.VIEWER))
    return client


@pytest.fixture
def main() -> Location:
    return Location.objects.get_or_create(slug="main")[0]


@pytest.fixture
def api() -> Component:
    return Component.objects.create(slug="api", name="API", tier="api", verdict="up")


def watched(slug: str, main: Location, verdict: str = "up", age: timedelta = timedelta(0), **fields: object) -> Monitor:
    """A monitor that was judged and observed `age` ago."""
    now = timezone.now()
    monitor = Monitor.objects.create(**({"slug": slug, "name": slug, "kind": "http"} | fields))
    MonitorState.objects.create(monitor=monitor, verdict=verdict, since=now - timedelta(hours=2), sentence="says so")
    Watch.objects.create(
        monitor=monitor, location=main, last_at=now - age, last_result="ok", last_reason="ok", last_latency_ms=41.2
    )
    return monitor


def names(page: str) -> list[str]:
    return re.findall(r'<a id="m-([\w.-]+)"', page)


def test_the_worst_comes_first(viewer: Client, main: Location) -> None:
    for slug, verdict in (("a", "up"), ("b", "down"), ("c", "unknown"), ("d", "degraded")):
        watched(slug, main, verdict)
    assert names(viewer.get("/console/monitors/").content.decode()) == ["b", "d", "c", "a"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=API-", ["api-b", "api-a"]),
        ("q=ec2", ["api-b"]),
        ("kind=smtp", ["smtp-a"]),
        ("state=down", ["api-b"]),
        ("state=paused", ["smtp-a"]),
        ("component=api", ["api-b", "api-a"]),
        ("sort=name", ["api-a", "api-b", "smtp-a"]),
        ("sort=-name", ["smtp-a", "api-b", "api-a"]),
        ("sort=nonsense&state=nonsense", ["api-b", "api-a", "smtp-a"]),
        ("q=none", []),
    ],
)
def test_the_list_is_filtered_and_sorted(
    viewer: Client, main: Location, api: Component, query: str, found: list[str]
) -> None:
    watched("api-a", main, component=api)
    watched("api-b", main, "down", component=api, site="ec2")
    watched("smtp-a", main, kind="smtp", is_paused=True)
    assert names(viewer.get(f"/console/monitors/?{query}").content.decode()) == found


def test_an_empty_list_says_what_to_do(viewer: Client) -> None:
    assert "show all" in viewer.get("/console/monitors/?q=none").content.decode()


def test_what_nobody_has_seen_for_long_is_unknown_with_what_was_known(viewer: Client, main: Location) -> None:
    watched("api-a", main, "up", age=timedelta(minutes=5))
    page = viewer.get("/console/monitors/").content.decode()
    assert "last known up" in page
    assert 'href="#s-unknown"' in page


def test_htmx_gets_the_table_alone(viewer: Client, main: Location) -> None:
    watched("api-a", main)
    fragment = viewer.get("/console/monitors/?kind=http", headers=HTMX).content.decode()
    assert fragment.startswith('<div id="monitor-table"')
    assert "<html" not in fragment
    assert 'hx-get="?kind=http"' in fragment


def test_a_thousand_monitors_cost_as_many_queries_as_one(viewer: Client, main: Location) -> None:
    watched("one", main)
    with CaptureQueriesContext(connection) as few:
        viewer.get("/console/monitors/")
    Monitor.objects.bulk_create(Monitor(slug=f"m{n}", name=f"m{n}", kind="tcp") for n in range(999))
    now = timezone.now()
    added = list(Monitor.objects.exclude(slug="one"))
    MonitorState.objects.bulk_create(MonitorState(monitor=monitor) for monitor in added)
    Watch.objects.bulk_create(Watch(monitor=monitor, location=main, last_at=now) for monitor in added)
    with CaptureQueriesContext(connection) as many:
        page = viewer.get("/console/monitors/").content.decode()
    assert len(names(page)) == 1000
    assert len(many) == len(few)


def test_the_export_holds_what_the_list_shows(viewer: Client, main: Location) -> None:
    watched("api-a", main)
    watched("api-b", main, "down")
    rows = list(csv.DictReader(io.StringIO(viewer.get("/console/monitors.csv?state=down").content.decode())))
    assert [(row["slug"], row["verdict"]) for row in rows] == [("api-b", "down")]
    json = viewer.get("/console/monitors.json?state=down").json()
    assert [(row["slug"], row["verdict"]) for row in json["monitors"]] == [("api-b", "down")]


def test_an_export_of_another_form_does_not_exist(viewer: Client) -> None:
    assert viewer.get("/console/monitors.xlsx").status_code == 404


def test_a_hostile_name_is_no_formula_in_a_spreadsheet(viewer: Client, main: Location) -> None:
    watched("api-a", main, name='=HYPERLINK("http://evil.example")')
    assert ",\"'=HYPERLINK(" in viewer.get("/console/monitors.csv").content.decode()


@pytest.fixture
def storied(main: Location, api: Component) -> Monitor:
    """A monitor with a past: a minute of observations, an outage, evidence of both kinds."""
    monitor = watched(
        "api-a",
        main,
        "down",
        component=api,
        site="ec2",
        options={"url": "https://api/", "expect": {"status": [200, 204]}},
    )
    now = timezone.now()
    Monitor.objects.update(created_at=now - timedelta(days=3))
    for age in range(1, 61):
        Observation.objects.create(
            monitor=monitor,
            location=main,
            at=now - timedelta(seconds=age * 30),
            result="ok",
            reason="ok",
            latency_ms=40.0 + age,
            phases_ms=[["dns", 1.0], ["connect", 4.0], ["tls", 20.0], ["first_byte", 15.0 + age]],
        )
    outage = now - timedelta(minutes=8)
    StateInterval.objects.create(monitor=monitor, verdict="up", started_at=now - timedelta(days=1), ended_at=outage)
    StateInterval.objects.create(monitor=monitor, verdict="down", reason="cert_expired", started_at=outage)
    for result, reason, text in (("ok", "ok", "< HTTP/1.1 200 OK"), ("fail", "cert_expired", "* certificate <script>")):
        Evidence.objects.create(
            monitor=monitor, location=main, at=now - timedelta(minutes=9), result=result, reason=reason,
            latency_ms=41.0, phases_ms=[["connect", 4.0]], sentence=f"sentence of {reason}", transcript=text,
        )  # fmt: skip
        now += timedelta(minutes=1)
    return monitor


def test_the_page_tells_how_it_stood_and_what_the_wire_said(viewer: Client, storied: Monitor) -> None:
    page = viewer.get("/console/monitors/api-a/?span=1h").content.decode()
    assert re.search(r"86\.6\d\d %", page)
    assert 'class="state-bar"' in page
    assert 'class="series"' in page
    assert "sentence of cert_expired" in page
    assert "* certificate &lt;script&gt;" in page
    assert "expect.status" in page
    assert "200, 204" in page
    assert "Run now" not in page


@pytest.mark.parametrize("span", ["1h", "24h", "7d", "30d", "nonsense"])
def test_every_span_is_shown_with_the_same_number_of_queries(
    viewer: Client, storied: Monitor, span: str, django_assert_max_num_queries: Queries
) -> None:
    with django_assert_max_num_queries(LOGIN_QUERIES + 21):
        assert viewer.get(f"/console/monitors/api-a/?span={span}").status_code == 200


def test_a_monitor_without_a_past_says_so(viewer: Client) -> None:
    Monitor.objects.create(slug="new", name="New", kind="http")
    page = viewer.get("/console/monitors/new/").content.decode()
    assert "not observed yet" in page
    assert "No location watches this monitor" in page
    assert "No evidence yet" in page


def test_a_removed_monitor_is_not_found(viewer: Client, storied: Monitor) -> None:
    Monitor.objects.update(removed_at=timezone.now())
    assert viewer.get("/console/monitors/api-a/").status_code == 404


def test_components_show_their_instances(viewer: Client, main: Location, api: Component) -> None:
    watched("api-a", main, component=api, site="dc")
    watched("api-b", main, "down", component=api, site="ec2")
    Component.objects.update(verdict="degraded", sentence="1 of 2 up, site ec2 lost")
    page = viewer.get("/console/components/").content.decode()
    assert "1 of 2 up, site ec2 lost" in page
    assert re.search(r'class="cell down" href="/console/monitors/api-b/"', page)


def test_a_component_that_nobody_sees_is_unknown(viewer: Client, main: Location, api: Component) -> None:
    watched("api-a", main, component=api, age=timedelta(hours=1))
    assert "Unknown" in viewer.get("/console/components/").content.decode()


def test_the_component_page_shows_what_needs_it(viewer: Client, storied: Monitor, api: Component) -> None:
    sending = Component.objects.create(slug="sending", name="Sending")
    sending.depends_on.add(api)
    page = viewer.get("/console/components/api/").content.decode()
    assert '<a href="/console/components/sending/">Sending</a>' in page
    assert names(page) == ["api-a"]


def test_components_are_exported_with_their_instances(viewer: Client, storied: Monitor) -> None:
    exported = viewer.get("/console/components.json").json()["components"]
    assert exported[0]["instances"][0]["slug"] == "api-a"
    assert viewer.get("/console/components.csv").status_code == 200


def test_without_components_the_page_says_how_to_get_some(viewer: Client) -> None:
    assert "manage.py init" in viewer.get("/console/components/").content.decode()


def test_instants_are_written_in_utc(viewer: Client, storied: Monitor) -> None:
    Evidence.objects.filter(result="fail").update(at=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC))
    assert 'datetime="2026-01-02T03:04:05' in viewer.get("/console/monitors/api-a/").content.decode()
