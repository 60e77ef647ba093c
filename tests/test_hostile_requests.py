"""What no honest browser sends gets a plain refusal: never a 500, never a traceback in the log."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.contrib.sessions.models import Session
from django.test import Client

from statuspage.roles import Role
from statuspage.services.access import add_person

pytestmark = pytest.mark.django_db
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
PART = b'--x\r\nContent-Disposition: form-data; name="login"\r\n\r\nabc\r\n--x--\r\n'


@pytest.fixture
def viewer(client: Client) -> Client:
    client.force_login(add_person("vera", "", Role.VIEWER))
    return client


@pytest.mark.parametrize(
    "path",
    [
        "/console/monitors/%00/",
        "/console/monitors/%00/latest/",
        "/console/components/%00/",
        "/console/domains/%00/",
        "/console/queues/%00/",
        "/console/queues/%00/samples.csv",
        "/console/monitors.%00",
        "/sign-in/%00/",
        "/%00",
    ],
)
def test_an_address_with_a_nul_leads_nowhere(viewer: Client, path: str) -> None:
    assert viewer.get(path).status_code == 404


@pytest.mark.parametrize(
    "cookie",
    [
        pytest.param(r'sessionid="\000aaaaaaaaaaaa"', id="NUL"),
        pytest.param(r'sessionid="\ud800\377aaaaaaaaaa"', id="bytes"),
        pytest.param("sessionid=" + "a" * 5000, id="long"),
    ],
)
@pytest.mark.parametrize("path", ["/console/", "/account/login/"])
def test_a_session_cookie_that_is_no_key_is_a_strangers(client: Client, path: str, cookie: str) -> None:
    response = client.get(path, headers={"cookie": cookie})
    assert (response.status_code, response.headers.get("Location", "")[:15]) in [(200, ""), (302, "/account/login/")]


def test_a_key_of_ours_still_opens_its_session(viewer: Client) -> None:
    assert viewer.get("/console/").status_code == 200
    assert Session.objects.count() == 1


def test_sessions_that_strangers_left_go_when_new_ones_come(client: Client) -> None:
    for number in range(150):
        Session.objects.create(session_key=f"left{number:028d}", session_data="", expire_date=LONG_AGO)
    for _ in range(2):
        Client().get("/account/2fa/webauthn/login/", headers={"accept": "application/json"})
    assert not Session.objects.filter(expire_date=LONG_AGO).exists()
    assert Session.objects.count() == 2


@pytest.mark.parametrize("charset", ["hex", "rot13", "utf-16", "no-such-charset"])
@pytest.mark.parametrize("kind", ["multipart/form-data; boundary=x", "application/x-www-form-urlencoded"])
@pytest.mark.parametrize("path", ["/account/login/", "/console/theme/"])
def test_a_form_in_a_strange_encoding_is_refused_or_read_as_utf_8(
    client: Client, path: str, kind: str, charset: str
) -> None:
    response = client.generic("POST", path, PART, content_type=f"{kind}; charset={charset}")
    assert response.status_code in (200, 302, 400)


def test_a_jobs_log_may_be_in_any_encoding(client: Client) -> None:
    response = client.generic("POST", "/api/v1/heartbeats/none", b"\xe9", content_type="text/plain; charset=latin-1")
    assert response.status_code == 404


@pytest.mark.parametrize("path", ["/console/", "/console/monitors/", "/console/monitors.csv", "/account/2fa/"])
def test_what_signed_in_people_see_is_kept_by_no_cache(viewer: Client, path: str) -> None:
    assert "no-store" in viewer.get(path).headers["Cache-Control"]


@pytest.mark.parametrize("path", ["/", "/api/v1/openapi.json"])
def test_what_everybody_sees_may_be_kept(client: Client, path: str) -> None:
    assert "no-store" not in client.get(path).headers.get("Cache-Control", "")


def test_a_button_of_a_page_from_another_session_says_what_to_do(db: None) -> None:
    """Signed out and in again in another tab: the token of this page's forms is no longer the right one."""
    response = Client(enforce_csrf_checks=True).post("/account/login/", {"login": "ada"})
    assert response.status_code == 403
    page = response.content.decode()
    assert "Nothing was changed" in page
    assert "<h1>This page is from another session</h1>" in page
