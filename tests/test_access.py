"""Every door is declared, and opens to whom it should and to nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest
from django.contrib.auth.models import Permission
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse

from statuspage.access import PERMISSIONS_BY_ROLE
from statuspage.roles import Role
from statuspage.services.access import add_person
from tests.access_table import ANYONE, DOORS, SIGNED_IN, STEP, TOKEN, Door

STRANGER, NO_ROLE = "stranger", "person without a role"
VISITORS = (STRANGER, NO_ROLE, *(role.value for role in Role))
SIGN_IN = "/account/login/"


def url_names(resolver: URLResolver, namespace: str = "") -> Iterator[str]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLPattern):
            yield f"{namespace}{pattern.name or pattern.pattern}"
        else:
            yield from url_names(pattern, f"{namespace}{pattern.namespace}:" if pattern.namespace else namespace)


def opens(door: Door, visitor: str) -> bool:
    if door.opens_to == ANYONE:
        return True
    if door.opens_to == SIGNED_IN:
        return visitor != STRANGER
    if visitor in (STRANGER, NO_ROLE) or door.opens_to == TOKEN:
        return False
    return list(Role).index(Role(visitor)) >= list(Role).index(Role(door.opens_to))


@pytest.fixture
def visitor(request: pytest.FixtureRequest, client: Client, db: None) -> Client:
    if request.param != STRANGER:
        person = add_person("visitor", "", Role.VIEWER if request.param == NO_ROLE else Role(request.param))
        if request.param == NO_ROLE:
            person.groups.clear()
        client.force_login(person)
    return client


def test_every_address_is_declared() -> None:
    assert set(url_names(get_resolver())) - set(DOORS) == set()


def test_every_declared_address_exists() -> None:
    assert set(DOORS) - set(url_names(get_resolver())) == set()


@pytest.mark.parametrize(("visitor", "who"), [(who, who) for who in VISITORS], ids=VISITORS, indirect=["visitor"])
@pytest.mark.parametrize("name", DOORS)
def test_a_door_opens_to_whom_it_should(visitor: Client, who: str, name: str) -> None:
    door = DOORS[name]
    response = getattr(visitor, door.method)(reverse(name, args=door.args), door.data)
    if door.opens_to == STEP:
        assert response.status_code in (200, 302, 403)
        return
    is_sent_to_sign_in = response.status_code == 302 and response.headers["Location"].startswith(SIGN_IN)
    if opens(door, who):
        assert response.status_code not in (401, 403)
        assert not is_sent_to_sign_in
    elif door.opens_to == TOKEN:
        assert response.status_code == 401
    elif who == STRANGER:
        assert is_sent_to_sign_in
    else:
        assert response.status_code == 403


def test_each_role_may_all_that_the_one_below_may() -> None:
    for below, above in pairwise(Role):
        assert PERMISSIONS_BY_ROLE[below] < PERMISSIONS_BY_ROLE[above]


def test_every_permission_of_a_role_is_declared_on_a_model(db: None) -> None:
    declared = {
        f"{app}.{codename}" for app, codename in Permission.objects.values_list("content_type__app_label", "codename")
    }
    assert PERMISSIONS_BY_ROLE[Role.ADMIN] - declared == set()
