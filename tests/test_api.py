"""The API takes samples and changes once each, and says clearly what it does not take."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client

from monitors.models import ChangeEvent, Monitor, QueueSample, QueueState
from statuspage.models import ApiToken
from statuspage.services.access import digest

pytestmark = pytest.mark.django_db

Call = Callable[..., HttpResponse]
KEY = "sp_test"


@pytest.fixture
def token() -> ApiToken:
    return ApiToken.objects.create(name="sampler", digest=digest(KEY), scopes=["samples", "changes", "read"])


@pytest.fixture
def post(client: Client, token: ApiToken) -> Call:
    def call(path: str, body: Any, **headers: str) -> HttpResponse:
        text = body if isinstance(body, str | bytes) else json.dumps(body)
        headers = {"Authorization": f"Bearer {KEY}", **headers}
        return client.post(path, text, content_type="application/json", headers=headers)

    return call


@pytest.fixture
def queue() -> Monitor:
    return Monitor.objects.create(slug="outbound", name="Outbound", kind="queue", options={"source": "push"})


def sample(**figures: Any) -> dict[str, Any]:
    return {"queue": "outbound", "at": datetime.now(UTC).isoformat(), "depth": 3, **figures}


def errors(response: HttpResponse) -> list[tuple[str, str]]:
    return [(row["field"], row["reason"]) for row in json.loads(response.content)["errors"]]


def test_samples_are_stored_once(post: Call, queue: Monitor) -> None:
    batch = {"samples": [sample(in_total=10, out_total=7), sample(depth=None, in_total=11)]}
    first, again = post("/api/v1/samples", batch), post("/api/v1/samples", batch)
    assert (first.status_code, json.loads(first.content)) == (200, {"stored": 2, "known": 0})
    assert json.loads(again.content) == {"stored": 0, "known": 2}
    stored = QueueSample.objects.order_by("at")
    assert [(row.depth, row.in_total, row.out_total, row.is_read) for row in stored] == [
        (3, 10, 7, False),
        (None, 11, None, False),
    ]


def test_one_bad_sample_refuses_the_batch_and_names_every_field(post: Call, queue: Monitor) -> None:
    old = (datetime.now(UTC) - timedelta(days=2)).isoformat()
    later = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    batch = [sample(), sample(queue="unheard-of"), sample(at=old), sample(depth=None), sample(oldest_at=later)]
    response = post("/api/v1/samples", {"samples": batch})
    assert response.status_code == 422
    assert [field for field, _ in errors(response)] == [
        "samples.1.queue",
        "samples.2.at",
        "samples.3",
        "samples.4.oldest_at",
    ]
    assert not QueueSample.objects.exists()


MALFORMED = [
    pytest.param({"samples": [sample(depth=-1)]}, "samples.0.depth", id="negative"),
    pytest.param({"samples": [sample(depth=2**63)]}, "samples.0.depth", id="beyond 64 bits"),
    pytest.param({"samples": [sample(depth="many")]}, "samples.0.depth", id="no number"),
    pytest.param({"samples": [sample(at="2026-03-01T04:00:00")]}, "samples.0.at", id="no time zone"),
    pytest.param({"samples": [sample(at="soon")]}, "samples.0.at", id="no time"),
    pytest.param({"samples": [sample(oldest_at="0001-01-01T00:00:00+14:00")]}, "samples.0.oldest_at", id="year zero"),
    pytest.param({"samples": [sample(in_total=2**63 - 1)]}, "samples.0.in_total", id="sums beyond 64 bits"),
    pytest.param({"samples": [sample(deep=1)]}, "samples.0.deep", id="unknown field"),
    pytest.param({"samples": []}, "samples", id="empty batch"),
    pytest.param({"samples": [sample()] * 1_001}, "samples", id="too many"),
    pytest.param({}, "samples", id="nothing"),
    pytest.param([], "body", id="a list"),
]


@pytest.mark.parametrize(("body", "field"), MALFORMED)
def test_what_is_malformed_is_named(post: Call, queue: Monitor, body: Any, field: str) -> None:
    response = post("/api/v1/samples", body)
    assert response.status_code == 422
    assert errors(response)[0][0] == field


@pytest.mark.parametrize(
    ("body", "status"),
    [
        pytest.param(b"{", 400, id="cut off"),
        pytest.param(b"\xff\xfe", 400, id="not UTF-8"),
        pytest.param(b"[" * 100_000, 400, id="nested deeply"),
        pytest.param(b'{"samples": "' + b"x" * 3_000_000 + b'"}', 413, id="3 MB"),
        pytest.param(b"", 422, id="no body"),
    ],
)
@pytest.mark.parametrize("path", ["/api/v1/samples", "/api/v1/changes", "/api/v1/change/enqueue"])
def test_a_body_that_is_no_json_gets_a_clear_answer(post: Call, path: str, body: bytes, status: int) -> None:
    response = post(path, body)
    assert response.status_code == status
    assert errors(response)[0][0] == "body"


def test_a_sample_from_any_zone_is_stored_as_its_instant(post: Call, queue: Monitor) -> None:
    """PostgreSQL refuses zones beyond 16 hours, which Python reads."""
    at = datetime.now(timezone(timedelta(hours=23, minutes=59)))
    assert post("/api/v1/samples", {"samples": [sample(at=at.isoformat())]}).status_code == 200
    assert QueueSample.objects.get().at == at


def test_only_queues_that_push_take_samples(post: Call) -> None:
    Monitor.objects.create(slug="outbound", name="Outbound", kind="queue", options={"source": "sql"})
    assert errors(post("/api/v1/samples", {"samples": [sample()]})) == [
        ("samples.0.queue", "There is no queue 'outbound' with source push.")
    ]


@pytest.mark.parametrize(
    ("scopes", "header", "status"),
    [
        pytest.param(["samples"], None, 401, id="no token"),
        pytest.param(["samples"], "Bearer sp_other", 401, id="unknown token"),
        pytest.param(["samples"], f"Basic {KEY}", 401, id="another scheme"),
        pytest.param(["read"], f"Bearer {KEY}", 403, id="another scope"),
    ],
)
def test_the_door_opens_to_a_token_with_the_scope(
    client: Client, queue: Monitor, scopes: list[str], header: str | None, status: int
) -> None:
    ApiToken.objects.create(name="other", digest=digest(KEY), scopes=scopes)
    headers = {"Authorization": header} if header else {}
    body = json.dumps({"samples": [sample()]})
    response = client.post("/api/v1/samples", body, content_type="application/json", headers=headers)
    assert response.status_code == status
    assert errors(response)[0][0] == "Authorization"


def test_a_change_is_recorded_once_and_gets_its_end_later(post: Call) -> None:
    change = {"key": "deploy-42", "title": "Deploy sendservice 8f31c", "link": "https://ci.example/42"}
    assert post("/api/v1/changes", change).status_code == 201
    ended_at = (datetime.now(UTC) + timedelta(minutes=14)).isoformat()
    assert post("/api/v1/changes", {**change, "ended_at": ended_at}).status_code == 200
    event = ChangeEvent.objects.get()
    assert (event.title, event.kind, event.link) == ("Deploy sendservice 8f31c", "deploy", "https://ci.example/42")
    assert event.ended_at is not None


BAD_CHANGES = [
    pytest.param({"title": ""}, "title", id="empty title"),
    pytest.param({"title": "a\x00b"}, "title", id="NUL in the title"),
    pytest.param({"title": "x", "link": "javascript:alert(1)"}, "link", id="link that is no web address"),
    pytest.param({"title": "x", "detail": {"a": "\x00"}}, "detail", id="NUL in the detail"),
    pytest.param({"title": "x", "detail": {"a": "y" * 20_000}}, "detail", id="long detail"),
    pytest.param('{"title": "x", "detail": {"a": NaN}}', "detail", id="NaN in the detail"),
    pytest.param('{"title": "x", "detail": {"a": "\\ud800"}}', "detail", id="half a character"),
    pytest.param({"title": "x", "occurred_at": "0001-01-01T00:00:00Z"}, "occurred_at", id="long ago"),
    pytest.param({"title": "x", "occurred_at": "9999-12-31T23:59:59-23:59"}, "occurred_at", id="far ahead"),
]


@pytest.mark.parametrize(("body", "field"), BAD_CHANGES)
def test_a_bad_change_is_refused_by_field(post: Call, body: Any, field: str) -> None:
    response = post("/api/v1/changes", body)
    assert response.status_code == 422
    assert errors(response)[0][0] == field


PAGERDUTY = {
    "routing_key": KEY,
    "payload": {
        "summary": "Build Success - Increase snapshot create timeout to 30 seconds",
        "timestamp": datetime.now(UTC).isoformat(),
        "source": "acme-build-pipeline",
        "custom_details": {"build_state": "passed", "build_number": "220"},
    },
    "links": [{"href": "https://acme.pagerduty.dev/build/220", "text": "View more details"}],
}


@pytest.mark.parametrize("path", ["/api/v1/change/enqueue", "/v2/change/enqueue"])
def test_a_sender_of_pagerduty_changes_needs_only_another_host(client: Client, token: ApiToken, path: str) -> None:
    for _ in range(2):
        response = client.post(path, json.dumps(PAGERDUTY), content_type="application/json")
        assert response.status_code == 202
        assert json.loads(response.content)["status"] == "success"
    event = ChangeEvent.objects.get()
    assert event.title.startswith("Build Success")
    assert (event.source, event.link) == ("acme-build-pipeline", "https://acme.pagerduty.dev/build/220")


def test_queues_are_read_with_nulls_where_nothing_is_known(client: Client, token: ApiToken, queue: Monitor) -> None:
    QueueState.objects.create(monitor=queue, at=datetime.now(UTC), depth=7, word="flowing", cause="flowing")
    headers = {"Authorization": f"Bearer {KEY}"}
    (row,) = json.loads(client.get("/api/v1/queues", headers=headers).content)["queues"]
    assert (row["slug"], row["depth"], row["ack_rate"], row["state"]) == ("outbound", 7, None, "flowing")
    assert json.loads(client.get("/api/v1/queues/outbound", headers=headers).content) == row
    assert client.get("/api/v1/queues/other", headers=headers).status_code == 404


def test_the_description_is_read_by_people_and_programs_without_a_foreign_script(client: Client) -> None:
    schema = json.loads(client.get("/api/v1/openapi.json").content)
    assert {"/api/v1/samples", "/api/v1/changes", "/api/v1/queues"} <= schema["paths"].keys()
    page = client.get("/api/v1/docs")
    assert b"samples[].depth" in page.content
    assert b"cdn" not in page.content
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
