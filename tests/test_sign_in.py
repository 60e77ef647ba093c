"""Signing in is limited, closed to sign-up, and asks for the second factor where there is one."""

from __future__ import annotations

import pytest
from allauth.mfa.totp.internal.auth import TOTP, format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.conf import settings
from django.core.cache import cache
from django.test import Client

from statuspage.models import User
from statuspage.roles import Role
from statuspage.services import access

pytestmark = pytest.mark.django_db
PASSWORD = "correct horse battery"
TOTP_SECRET = "JBSWY3DPEHPK3PXP"


@pytest.fixture
def ada() -> User:
    person = access.add_person("ada", "", Role.VIEWER)
    person.set_password(PASSWORD)
    person.save(update_fields=["password"])
    return person


def sign_in(client: Client, password: str = PASSWORD):  # type: ignore[no-untyped-def]
    return client.post("/account/login/", {"login": "ada", "password": password})


def test_a_password_lets_in(client: Client, ada: User) -> None:
    assert sign_in(client).headers["Location"] == "/console/"


def test_a_wrong_password_says_so_and_keeps_the_name(client: Client, ada: User) -> None:
    page = sign_in(client, "wrong").content.decode()
    assert 'value="ada"' in page
    assert "errorlist" in page


def test_guessing_is_stopped(client: Client, ada: User) -> None:
    for _ in range(6):
        sign_in(client, "wrong")
    response = sign_in(client)
    assert "_auth_user_id" not in client.session
    assert "Too many failed login attempts" in response.content.decode()


def test_guessing_at_many_names_does_not_make_the_guesses_at_one_forgotten(client: Client, ada: User) -> None:
    for _ in range(6):
        sign_in(client, "wrong")
    for number in range(600):
        cache.set(f"guess-{number}", [1.0], 300)
    sign_in(client)
    assert "_auth_user_id" not in client.session


def test_nobody_signs_up(client: Client) -> None:
    response = client.post("/account/signup/", {"username": "eve", "password1": PASSWORD})
    assert "Nobody signs up here" in response.content.decode()
    assert not User.objects.exists()


def test_with_an_authenticator_the_password_alone_lets_nobody_in(client: Client, ada: User) -> None:
    TOTP.activate(ada, TOTP_SECRET)
    assert sign_in(client).headers["Location"] == "/account/2fa/authenticate/"
    assert "_auth_user_id" not in client.session
    code = format_hotp_value(hotp_value(TOTP_SECRET, next(iter(yield_hotp_counters_from_time()))))
    assert client.post("/account/2fa/authenticate/", {"code": code}).headers["Location"] == "/console/"


def test_a_passkey_can_be_asked_for_at_the_door(client: Client) -> None:
    answer = client.get("/account/2fa/webauthn/login/", headers={"accept": "application/json"}).json()
    assert answer["request_options"]["publicKey"]["challenge"]


HEADERS = {
    "Content-Security-Policy": "default-src 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=()",
}


@pytest.mark.parametrize("path", ["/", "/account/login/", "/console/people/", "/no-such-page/"])
def test_every_answer_carries_the_security_headers(client: Client, path: str) -> None:
    response = client.get(path)
    assert {name: response.headers[name][: len(start)] for name, start in HEADERS.items()} == HEADERS


def test_the_policy_allows_nothing_inline(client: Client) -> None:
    assert "unsafe" not in client.get("/").headers["Content-Security-Policy"]


def test_cookies_are_kept_from_scripts_and_other_sites(client: Client, ada: User) -> None:
    sign_in(client)
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
