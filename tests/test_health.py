"""Machines that watch Standpipe get the truth: alive from memory, ready with the database, figures for who may."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.core.management import call_command
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from monitors.models import Component, Finding, Location, Monitor, Watch
from monitors.processes import Process
from statuspage.front import Document, Front
from statuspage.selectors import readiness
from statuspage.services.access import make_token, revoke_token
from statuspage.static_documents import static_documents

HERE = {"Host": "localhost:8765"}
DOCUMENT = Document(b"plain", "text/css", ((b"x-own", b"1"),), packed=b"packed")


async def unreachable(scope: dict[str, Any], receive: Any, send: Any) -> None:
    raise AssertionError("Django was asked")


def ask(path: str, method: str = "GET", **headers: str) -> tuple[int, dict[bytes, bytes], bytes]:
    sent: list[Any] = []
    given = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "path": path, "method": method, "headers": given}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(Front(unreachable, {"/doc": DOCUMENT})(scope, None, send))  # type: ignore[arg-type]
    return sent[0]["status"], dict(sent[0]["headers"]), sent[1]["body"]


def test_liveness_is_answered_without_django() -> None:
    status, headers, body = ask("/healthz")
    assert (status, body, headers[b"cache-control"]) == (200, b"alive\n", b"no-store")


def test_a_document_answers_head_without_a_body() -> None:
    status, headers, body = ask("/doc", "HEAD")
    assert (status, body, headers[b"content-length"], headers[b"x-own"]) == (200, b"", b"5", b"1")


def test_a_document_refuses_other_methods() -> None:
    status, headers, body = ask("/doc", "POST")
    assert (status, body, headers[b"allow"]) == (405, b"", b"GET, HEAD")


@pytest.mark.parametrize(
    ("accepted", "body"),
    [
        ("gzip", b"packed"),
        ("br, GZIP;q=0.5", b"packed"),
        ("gzip;q=0, br", b"plain"),
        ("gzip; q=0", b"plain"),
        ("x-gzipped", b"plain"),
        ("", b"plain"),
    ],
)
def test_a_document_is_packed_for_those_who_take_it(accepted: str, body: bytes) -> None:
    _, headers, answered = ask("/doc", accept_encoding=accepted)
    assert answered == body
    assert headers[b"vary"] == b"accept-encoding"
    assert (b"content-encoding" in headers) == (body == b"packed")


def test_other_paths_go_to_django() -> None:
    with pytest.raises(AssertionError, match="Django was asked"):
        ask("/")


def test_collected_static_files_are_served_from_memory_for_ever(tmp_path: Any, settings: Any) -> None:
    settings.STATIC_ROOT = tmp_path
    call_command("collectstatic", interactive=False, verbosity=0)
    found = static_documents()
    (address,) = [address for address in found if address.startswith("/static/standpipe/tokens.")]
    assert found[address].content_type.startswith("text/css")
    assert found[address].packed is not None
    assert found[address].headers == ((b"cache-control", b"max-age=31536000, public, immutable"),)


@pytest.mark.django_db
def test_ready_when_the_database_answers_with_the_tables_of_this_version(client: Client) -> None:
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, {"ready": True, "reason": ""})
    assert "no-store" in answer.headers["Cache-Control"]


@pytest.mark.django_db
def test_not_ready_while_migrations_wait(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(readiness, "seen_migrated", set())
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'sessions'")
    answer = client.get("/readyz", headers=HERE)
    assert answer.status_code == 503
    assert answer.json()["reason"] == "1 migrations are not applied: run manage.py migrate"


def test_not_ready_without_the_database(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone() -> None:
        raise OperationalError("the database cannot be reached\ndetail")

    monkeypatch.setattr(connection, "cursor", gone)
    answer = client.get("/readyz", headers=HERE)
    assert (answer.status_code, answer.json()["reason"]) == (503, "the database cannot be reached")


@pytest.mark.parametrize(
    "from_where", [{"REMOTE_ADDR": "192.0.2.7"}, {"HTTP_X_FORWARDED_FOR": "192.0.2.7"}], ids=["elsewhere", "by proxy"]
)
@pytest.mark.parametrize("path", ["/readyz", "/metrics"])
def test_strangers_are_not_told_where_the_database_is(
    monkeypatch: pytest.MonkeyPatch, path: str, from_where: dict[str, str]
) -> None:
    def gone() -> None:
        raise OperationalError("the database 10.1.2.3:5432/mail cannot be reached")

    monkeypatch.setattr(connection, "cursor", gone)
    client = Client(HTTP_HOST="localhost", **from_where)  # type: ignore[arg-type]
    answer = client.get(path, headers={"Authorization": "Bearer sp_none"})
    assert (answer.status_code, b"10.1.2.3" in answer.content) == (503, False)


@pytest.mark.django_db
def test_figures_are_counted_and_zero_has_its_line(client: Client) -> None:
    monitor = Monitor.objects.create(slug="api-a", name="API", kind="http")
    Component.objects.create(slug="api", name="API", verdict="down")
    Watch.objects.create(monitor=monitor, location=Location.objects.create(slug="here"))
    Finding.objects.create(kind="stall", subject="outbound", title="No ack", started_at=timezone.now())
    Process("prober").row().save(force_insert=True)
    lines = client.get("/metrics", headers=HERE).content.decode().splitlines()
    for line in (
        'standpipe_monitors{verdict="unknown"} 1.0',
        'standpipe_monitors{verdict="down"} 0.0',
        'standpipe_components{verdict="down"} 1.0',
        'standpipe_processes{role="prober"} 1.0',
        'standpipe_processes{role="responder"} 0.0',
        "standpipe_findings_open 1.0",
        "standpipe_state_changes_unprocessed 0.0",
    ):
        assert line in lines


@pytest.mark.django_db
def test_a_scrape_costs_six_queries(client: Client, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    with django_assert_num_queries(6):
        client.get("/metrics", headers=HERE)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "elsewhere",
    [
        pytest.param({"REMOTE_ADDR": "192.0.2.7"}, id="another machine"),
        pytest.param({"HTTP_X_FORWARDED_FOR": "192.0.2.7"}, id="through a proxy on this machine"),
        pytest.param({"HTTP_HOST": "status.example.com"}, id="under the public name"),
        pytest.param({"REMOTE_ADDR": ""}, id="through a socket file"),
    ],
)
def test_from_elsewhere_figures_need_a_token_of_their_scope(elsewhere: dict[str, str], settings: Any) -> None:
    settings.ALLOWED_HOSTS = ["*"]
    client = Client(**{"HTTP_HOST": "localhost"} | elsewhere)  # type: ignore[arg-type]
    refused = client.get("/metrics")
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
    token, key = make_token("prometheus", ["metrics"], None)
    assert client.get("/metrics", headers={"Authorization": f"Bearer {key}"}).status_code == 200
    revoke_token(token, timezone.now())
    assert client.get("/metrics", headers={"Authorization": f"Bearer {key}"}).status_code == 401
    _, other = make_token("reader", ["read"], None)
    assert client.get("/metrics", headers={"Authorization": f"Bearer {other}"}).status_code == 403
