"""API tokens: shown once, kept as digests, refused by scope and after being revoked."""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

import pytest
from django.test import Client

from statuspage.errors import NameTakenError, TokenRefusedError
from statuspage.models import ApiToken
from statuspage.roles import Role
from statuspage.services import access
from statuspage.tokens import authenticate

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)


@pytest.fixture
def key() -> str:
    return access.make_token("sampler", ["samples"], None)[1]


def test_a_token_opens_what_its_scope_names(key: str) -> None:
    assert authenticate(f"Bearer {key}", "samples", NOW).name == "sampler"


@pytest.mark.parametrize(
    ("header", "status", "reason"),
    [
        pytest.param(None, 401, "Send an API token", id="no header"),
        pytest.param("Basic YTpi", 401, "Send an API token", id="another method"),
        pytest.param("Bearer ", 401, "Send an API token", id="no key"),
        pytest.param("Bearer sp_wrong", 401, "unknown or was revoked", id="unknown key"),
    ],
)
def test_what_is_no_token_is_refused_with_the_way_out(header: str | None, status: int, reason: str) -> None:
    with pytest.raises(TokenRefusedError, match=reason) as refusal:
        authenticate(header, "samples", NOW)
    assert refusal.value.status == status


def test_another_scope_is_forbidden(key: str) -> None:
    with pytest.raises(TokenRefusedError, match="lacks the scope 'changes'; it has samples") as refusal:
        authenticate(f"Bearer {key}", "changes", NOW)
    assert refusal.value.status == 403


def test_a_revoked_token_is_refused_at_once(key: str) -> None:
    token = ApiToken.objects.get()
    assert access.revoke_token(token, NOW)
    assert not access.revoke_token(token, NOW)
    with pytest.raises(TokenRefusedError):
        authenticate(f"Bearer {key}", "samples", NOW)


def test_the_last_use_is_noted_once_a_minute(
    key: str, django_assert_num_queries: Callable[[int], AbstractContextManager[None]]
) -> None:
    authenticate(f"Bearer {key}", "samples", NOW)
    with django_assert_num_queries(1):
        authenticate(f"Bearer {key}", "samples", NOW + timedelta(seconds=59))
    authenticate(f"Bearer {key}", "samples", NOW + timedelta(seconds=61))
    assert ApiToken.objects.get().last_used_at == NOW + timedelta(seconds=61)


def test_a_name_is_taken_once(key: str) -> None:
    with pytest.raises(NameTakenError):
        access.make_token("sampler", ["read"], None)


@pytest.fixture
def as_admin(client: Client) -> Client:
    client.force_login(access.add_person("ada", "", Role.ADMIN))
    return client


def test_the_page_shows_a_new_key_once(as_admin: Client) -> None:
    page = as_admin.post("/console/tokens/", {"name": "ci", "scopes": ["changes"]}).content.decode()
    made = re.search(r"sp_[\w-]{43}", page)
    assert made
    assert authenticate(f"Bearer {made[0]}", "changes", NOW).created_by is not None
    assert made[0] not in as_admin.get("/console/tokens/").content.decode()


def test_a_token_without_scope_names_the_field_and_keeps_the_name(as_admin: Client) -> None:
    response = as_admin.post("/console/tokens/", {"name": "ci"})
    page = response.content.decode()
    assert response.status_code == 422
    assert 'value="ci"' in page
    assert re.search(r'id="id_scopes_error".*This field is required', page, re.DOTALL)


def test_revoking_twice_says_so(as_admin: Client, key: str) -> None:
    address = f"/console/tokens/{ApiToken.objects.get().pk}/revoke/"
    as_admin.post(address)
    assert "was revoked before" in as_admin.post(address, follow=True).content.decode()
