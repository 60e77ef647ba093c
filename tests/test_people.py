"""People come in by one-time links, hold one role, and can be signed out by an admin."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from statuspage.errors import LastAdminError, LinkRefusedError, NameTakenError
from statuspage.models import SignInLink, User
from statuspage.roles import Role
from statuspage.services import access

pytestmark = pytest.mark.django_db
NOW = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)


@pytest.fixture
def admin() -> User:
    return access.add_person("ada", "", Role.ADMIN)


@pytest.fixture
def as_admin(client: Client, admin: User) -> Client:
    client.force_login(admin)
    return client


def test_an_empty_installation_gets_one_first_operator() -> None:
    first = access.first_operator()
    assert (first.username, first.role) == ("operator", Role.ADMIN)
    assert access.first_operator() == first


def test_the_first_operator_is_the_oldest_admin_who_may_come_in(admin: User) -> None:
    assert access.first_operator() == admin


def test_a_link_lets_in_once(client: Client, admin: User) -> None:
    path = access.issue_sign_in_link(admin, datetime.now(UTC))
    assert client.get(path).status_code == 200
    assert client.post(path).headers["Location"] == "/console/"
    assert client.session["_auth_user_id"] == str(admin.pk)
    again = Client().post(path)
    assert again.status_code == 410
    assert "used already" in again.content.decode()


def test_looking_at_a_link_does_not_spend_it(client: Client, admin: User) -> None:
    path = access.issue_sign_in_link(admin, datetime.now(UTC))
    client.get(path)
    assert SignInLink.objects.get().used_at is None


def test_the_link_itself_is_not_stored(admin: User) -> None:
    secret = access.issue_sign_in_link(admin, NOW).split("/")[-2]
    assert secret not in SignInLink.objects.get().digest


@pytest.mark.parametrize(
    ("age", "lets_in"),
    [(timedelta(minutes=14, seconds=59), True), (timedelta(minutes=15), False)],
    ids=["just in time", "too late"],
)
def test_a_link_lives_fifteen_minutes(admin: User, age: timedelta, lets_in: bool) -> None:
    secret = access.issue_sign_in_link(admin, NOW).split("/")[-2]
    if lets_in:
        assert access.use_sign_in_link(secret, NOW + age) == admin
    else:
        with pytest.raises(LinkRefusedError):
            access.use_sign_in_link(secret, NOW + age)


def test_a_link_of_somebody_shut_out_is_refused(admin: User) -> None:
    other = access.add_person("bob", "", Role.VIEWER)
    secret = access.issue_sign_in_link(other, NOW).split("/")[-2]
    User.objects.filter(pk=other.pk).update(is_active=False)
    with pytest.raises(LinkRefusedError):
        access.use_sign_in_link(secret, NOW)


def test_ended_sessions_are_at_the_door_again(as_admin: Client) -> None:
    bob = access.add_person("bob", "", Role.VIEWER)
    phone, desk = Client(), Client()
    for browser in (phone, desk):
        browser.force_login(bob)
        assert browser.get("/account/2fa/").status_code == 200
    as_admin.post(f"/console/people/{bob.pk}/end-sessions/")
    for browser in (phone, desk):
        assert browser.get("/account/2fa/").headers["Location"].startswith("/account/login/")
    assert as_admin.get("/console/people/").status_code == 200


def test_ending_sessions_voids_links_that_wait(admin: User) -> None:
    secret = access.issue_sign_in_link(admin, NOW).split("/")[-2]
    access.end_sessions(admin)
    with pytest.raises(LinkRefusedError):
        access.use_sign_in_link(secret, NOW)


def test_the_last_admin_stays_admin(as_admin: Client, admin: User) -> None:
    with pytest.raises(LastAdminError):
        access.set_role(admin, Role.VIEWER)
    response = as_admin.post(f"/console/people/{admin.pk}/active/", {"is_active": "false"})
    assert response.status_code == 422
    assert "last active admin" in response.content.decode()
    assert User.objects.get(pk=admin.pk).is_active


def test_a_role_replaces_the_one_before(as_admin: Client) -> None:
    bob = access.add_person("bob", "", Role.VIEWER)
    as_admin.post(f"/console/people/{bob.pk}/role/", {"role": "operator"})
    assert list(bob.groups.values_list("name", flat=True)) == ["operator"]


def test_an_unknown_role_is_refused_by_name(as_admin: Client, admin: User) -> None:
    response = as_admin.post(f"/console/people/{admin.pk}/role/", {"role": "emperor"})
    assert response.status_code == 422
    assert "emperor is not one of the available choices" in response.content.decode()


def test_adding_a_person_shows_a_link_that_lets_in(as_admin: Client) -> None:
    page = as_admin.post("/console/people/", {"username": "bob", "email": "", "role": "viewer"}).content.decode()
    found = re.search(r"http://testserver(/sign-in/[^<]+)", page)
    assert found
    assert Client().post(found[1]).status_code == 302


def test_a_bad_form_loses_nothing_typed(as_admin: Client, admin: User) -> None:
    response = as_admin.post("/console/people/", {"username": "ada", "email": "kept@acme.example", "role": "viewer"})
    page = response.content.decode()
    assert response.status_code == 422
    assert "already a person here" in page
    assert 'value="kept@acme.example"' in page


def test_the_people_page_asks_the_same_number_of_questions_for_any_number_of_people(as_admin: Client) -> None:
    counts = []
    for name in ("bob", "eve", "joe"):
        access.add_person(name, "", Role.VIEWER)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            as_admin.get("/console/people/")
        counts.append(len(queries))
    assert len(set(counts)) == 1


def test_a_taken_name_is_refused(admin: User) -> None:
    with pytest.raises(NameTakenError):
        access.add_person("ada", "", Role.VIEWER)


def test_a_name_that_differs_in_capitals_only_is_taken(client: Client, admin: User) -> None:
    """Signing in tells them apart by nothing: with both, neither could come in."""
    with pytest.raises(NameTakenError):
        access.add_person("Ada", "", Role.VIEWER)


def test_a_mail_address_longer_than_the_column_is_refused(as_admin: Client) -> None:
    address = "a@" + ".".join(["b" * 60] * 5)
    response = as_admin.post("/console/people/", {"username": "bob", "email": address, "role": "viewer"})
    assert response.status_code == 422
    assert "at most 254 characters" in response.content.decode()


def test_the_command_makes_a_link(capsys: pytest.CaptureFixture[str], admin: User) -> None:
    call_command("access", "link", "ada")
    assert re.fullmatch(r"/sign-in/[\w-]{43}/\n", capsys.readouterr().out)


def test_the_command_names_whom_it_knows(admin: User) -> None:
    with pytest.raises(CommandError, match="no person named 'eda'; known: ada"):
        call_command("access", "role", "eda", "viewer")
