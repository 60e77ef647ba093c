"""What operators do to a monitor: run, pause, mute, edit. Who may, what happens, and what a stale page meets."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from monitors.models import ChangeEvent, Component, Location, Monitor, MonitorState, Watch
from statuspage.roles import Role
from statuspage.services.access import add_person

pytestmark = pytest.mark.django_db
OPTIONS = {"url": "https://api.acme.example/health"}
WITH_SECRET = '{"url": "https://a/", "headers": {"x": {"env": "STANDPIPE_SECRET_KEY"}}}'
HTMX = {"HX-Request": "true"}


@pytest.fixture
def operator(client: Client) -> Client:
    client.force_login(add_person("olga", "", Role.OPERATOR))
    return client


@pytest.fixture
def api(db: None) -> Monitor:
    monitor = Monitor.objects.create(slug="api-a", name="API a", kind="http", options=OPTIONS)
    MonitorState.objects.create(monitor=monitor, verdict="up")
    main = Location.objects.get_or_create(slug="main")[0]
    soon = timezone.now() + timedelta(seconds=8)
    Watch.objects.create(monitor=monitor, location=main, due_at=soon, last_at=timezone.now(), last_result="ok")
    return monitor


def say(response: Any) -> str:
    return " ".join(str(message) for message in response.context["messages"])


def test_run_now_makes_the_monitor_due_and_waits_for_the_answer(operator: Client, api: Monitor) -> None:
    response = operator.post("/console/monitors/api-a/run/", headers=HTMX, follow=True)
    assert Watch.objects.get().due_at <= timezone.now()
    page = response.content.decode()
    assert "waiting for a prober to answer" in page
    assert 'hx-trigger="load delay:250ms"' in page


def test_without_a_script_run_now_leads_back_to_the_page(operator: Client, api: Monitor) -> None:
    page = operator.post("/console/monitors/api-a/run/", follow=True).content.decode()
    assert "waiting for a prober to answer" in page
    assert "<h1>API a</h1>" in page


def test_the_answer_ends_the_waiting(operator: Client, api: Monitor) -> None:
    asked = timezone.now()
    Watch.objects.update(last_at=asked + timedelta(seconds=1), last_sentence="200, as expected")
    page = operator.get("/console/monitors/api-a/latest/", {"after": asked.isoformat()}).content.decode()
    assert "Answered." in page
    assert "200, as expected" in page
    assert 'hx-trigger="every 5s"' in page


def test_a_run_that_nobody_takes_is_said_to_be_overdue(operator: Client, api: Monitor) -> None:
    asked = timezone.now() - timedelta(minutes=1)
    Watch.objects.update(last_at=asked - timedelta(seconds=5))
    page = operator.get("/console/monitors/api-a/latest/", {"after": asked.isoformat()}).content.decode()
    assert "No prober answered" in page
    assert 'hx-trigger="every 5s"' in page


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_a_moment_beyond_the_calendar_is_no_run(operator: Client, api: Monitor, moment: str) -> None:
    Watch.objects.update(last_at=None)
    for path in ("/console/monitors/api-a/", "/console/monitors/api-a/latest/"):
        assert operator.get(path, {"after": moment}).status_code == 200


@pytest.mark.parametrize("after", ["yesterday", "2026-13-45T00:00:00Z", "2026-01-01T00:00:00", "9" * 400])
def test_a_nonsense_moment_is_no_run(operator: Client, api: Monitor, after: str) -> None:
    page = operator.get("/console/monitors/api-a/latest/", {"after": after})
    assert page.status_code == 200
    assert "waiting" not in page.content.decode()


def test_a_paused_monitor_is_not_run(operator: Client, api: Monitor) -> None:
    Monitor.objects.update(is_paused=True)
    before = Watch.objects.get().due_at
    assert "resume it" in say(operator.post("/console/monitors/api-a/run/", follow=True))
    assert Watch.objects.get().due_at == before


def test_pausing_stops_and_resuming_runs_at_once(operator: Client, api: Monitor) -> None:
    assert "Paused" in say(operator.post("/console/monitors/api-a/pause/", follow=True))
    assert Monitor.objects.get().is_paused
    assert "Resumed" in say(operator.post("/console/monitors/api-a/resume/", follow=True))
    assert Watch.objects.get().due_at <= timezone.now()
    events = ChangeEvent.objects.order_by("id").values_list("title", "source", "kind")
    assert list(events) == [("api-a paused", "olga", "console"), ("api-a resumed", "olga", "console")]


@pytest.mark.parametrize(
    ("action", "paused", "said"),
    [("pause", True, "It was paused already."), ("resume", False, "It was not paused.")],
)
def test_a_stale_page_is_told_that_it_was_done(
    operator: Client, api: Monitor, action: str, paused: bool, said: str
) -> None:
    Monitor.objects.update(is_paused=paused)
    assert said in say(operator.post(f"/console/monitors/api-a/{action}/", follow=True))
    assert not ChangeEvent.objects.exists()


def test_a_mute_has_an_end_and_a_reason(operator: Client, api: Monitor) -> None:
    operator.post("/console/monitors/api-a/mute/", {"mute_for": "4h", "reason": "link works tonight"})
    monitor = Monitor.objects.get()
    assert timedelta(hours=3, minutes=59) < monitor.muted_until - timezone.now() < timedelta(hours=4)
    page = operator.get("/console/monitors/api-a/").content.decode()
    assert "link works tonight" in page
    assert "Let it ring again" in page


def test_a_mute_without_a_reason_is_refused_and_keeps_what_was_chosen(operator: Client, api: Monitor) -> None:
    response = operator.post("/console/monitors/api-a/mute/", {"mute_for": "12h", "reason": ""})
    page = response.content.decode()
    assert response.status_code == 422
    assert '<option value="12h" selected>' in page
    assert re.search(r'id="id_reason_error".*This field is required', page, re.DOTALL)


def test_unmuting_lets_it_ring(operator: Client, api: Monitor) -> None:
    Monitor.objects.update(muted_until=timezone.now() + timedelta(hours=1), muted_reason="x")
    assert "No longer muted" in say(operator.post("/console/monitors/api-a/unmute/", follow=True))
    assert "It was not muted" in say(operator.post("/console/monitors/api-a/unmute/", follow=True))


def typed(monitor: Monitor, **changed: Any) -> dict[str, Any]:
    """What the browser sends for this monitor, with some of it changed."""
    return {
        "name": monitor.name, "component": "", "site": "", "zone": "", "interval": "10s", "timeout": "5s",
        "down_after": 2, "down_of": 3, "up_after": 2, "up_of": 2, "options": json.dumps(OPTIONS),
        "seen_at": monitor.updated_at.isoformat(),
    } | changed  # fmt: skip


def test_an_edit_is_saved_and_runs_at_once(operator: Client, api: Monitor) -> None:
    component = Component.objects.create(slug="api", name="API")
    form = operator.get("/console/monitors/api-a/edit/").content.decode()
    assert 'name="interval" value="10s"' in form
    response = operator.post("/console/monitors/api-a/edit/", typed(api, interval="30s", component=component.pk))
    assert response.headers["Location"] == "/console/monitors/api-a/"
    monitor = Monitor.objects.get()
    assert (monitor.interval, monitor.component, monitor.options) == (timedelta(seconds=30), component, OPTIONS)
    assert Watch.objects.get().due_at <= timezone.now()


@pytest.mark.parametrize(
    ("field", "value", "reason"),
    [
        pytest.param("interval", "10 apples", "is not a duration; write it as 500ms, 10s, 5m, 2h or 3d", id="duration"),
        pytest.param("interval", "0s", "must be longer than nothing", id="no interval"),
        pytest.param("interval", "10ms", "an interval is between 500ms and 7d", id="a hundred times a second"),
        pytest.param("timeout", "2h", "a timeout is between 50ms and 60s", id="a timeout of hours"),
        pytest.param("options", WITH_SECRET, "headers.x: this monitor has no such secret yet", id="another's secret"),
        pytest.param("timeout", "11s", "must not be longer than the interval", id="timeout beyond interval"),
        pytest.param("down_after", "4", "4 of the last 3 can never happen", id="impossible confirmation"),
        pytest.param("options", '{"url": ', "Enter a valid JSON", id="broken JSON"),
        pytest.param("options", "[1]", "must be a JSON object", id="no object"),
        pytest.param("options", '{"url": "https://a/", "colour": "red"}', "colour: Extra inputs", id="unknown key"),
        pytest.param("options", "{}", "url: Field required", id="missing key"),
        pytest.param("name", "", "This field is required", id="no name"),
        pytest.param("interval", "99999999999999d", "is longer than ten years", id="interval beyond any calendar"),
        pytest.param("timeout", "9" * 400 + "d", "is longer than ten years", id="timeout beyond any number"),
        pytest.param("options", "[" * 100_000, "must be plain JSON", id="nested too deeply"),
        pytest.param("options", "9" * 5_000, "must be plain JSON", id="number too long to read"),
        pytest.param("options", '{"url": "https://a/", "x": 1e999}', "must be plain JSON", id="infinity"),
        pytest.param("options", '{"url": "https://a/", "x": "\\ud800"}', "must be plain JSON", id="half a character"),
        pytest.param("options", '{"url": "https://a/", "x": "\\u0000"}', "must not contain NUL", id="NUL"),
    ],
)
def test_bad_input_names_the_field_and_loses_nothing(
    operator: Client, api: Monitor, field: str, value: str, reason: str
) -> None:
    response = operator.post("/console/monitors/api-a/edit/", typed(api, site="kept-site") | {field: value})
    page = response.content.decode()
    assert response.status_code == 422
    assert re.search(rf'id="id_{field}_error".*?{re.escape(reason)}', page, re.DOTALL)
    assert 'value="kept-site"' in page
    assert Monitor.objects.get().site == ""


def test_of_two_who_edit_the_second_is_told_and_keeps_what_was_typed(operator: Client, api: Monitor) -> None:
    operator.post("/console/monitors/api-a/edit/", typed(api, site="first"))
    response = operator.post("/console/monitors/api-a/edit/", typed(api, site="second"))
    assert response.status_code == 422
    assert "Somebody changed this monitor" in response.content.decode()
    assert 'value="second"' in response.content.decode()
    assert Monitor.objects.get().site == "first"


def test_a_secret_that_the_monitor_has_may_stay(operator: Client, api: Monitor) -> None:
    options = OPTIONS | {"bearer": {"env": "ACME_KEY"}}
    Monitor.objects.update(options=options)
    response = operator.post("/console/monitors/api-a/edit/", typed(api, site="new", options=json.dumps(options)))
    assert response.status_code == 302
    assert Monitor.objects.get().options == options


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59"])
def test_an_edit_of_a_page_from_no_calendar_is_refused(operator: Client, api: Monitor, moment: str) -> None:
    response = operator.post("/console/monitors/api-a/edit/", typed(api, site="new", seen_at=moment))
    assert response.status_code == 422
    assert Monitor.objects.get().site == ""


def test_what_a_file_manages_is_read_only(operator: Client, api: Monitor) -> None:
    Monitor.objects.update(is_from_file=True)
    assert "Managed by standpipe.yaml" in operator.get("/console/monitors/api-a/edit/").content.decode()
    response = operator.post("/console/monitors/api-a/edit/", typed(api, site="other"))
    assert response.status_code == 422
    assert Monitor.objects.get().site == ""
    assert "/edit/" not in operator.get("/console/monitors/api-a/").content.decode()


@pytest.mark.parametrize("action", ["run", "pause", "resume", "mute", "unmute"])
def test_looking_does_nothing(operator: Client, api: Monitor, action: str) -> None:
    assert operator.get(f"/console/monitors/api-a/{action}/").status_code == 405


def test_a_viewer_is_offered_nothing_that_is_refused(client: Client, api: Monitor) -> None:
    client.force_login(add_person("vera", "", Role.VIEWER))
    page = client.get("/console/monitors/api-a/").content.decode()
    assert not [word for word in ("Run now</button>", "Pause", "Mute for", "/edit/") if word in page]
