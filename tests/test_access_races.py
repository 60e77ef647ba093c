"""Of two who act at once, one wins and the other is told."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Barrier

import pytest
from django.db import connection

from statuspage.errors import AccessError, LastAdminError, LinkRefusedError
from statuspage.models import User
from statuspage.roles import Role
from statuspage.services import access

NOW = datetime(2026, 3, 1, 4, 0, tzinfo=UTC)


def at_once(*acts: Callable[[], object]) -> list[object]:
    """What each returned or raised, all having started together, each on a connection of its own."""
    gate = Barrier(len(acts))

    def run(act: Callable[[], object]) -> object:
        try:
            connection.ensure_connection()
            gate.wait(timeout=5)
            return act()
        except AccessError as refusal:
            return type(refusal)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(run, acts))


@pytest.mark.django_db(transaction=True)
def test_one_link_used_twice_at_once_lets_in_once() -> None:
    person = access.add_person("ada", "", Role.ADMIN)
    secret = access.issue_sign_in_link(person, NOW).split("/")[-2]
    outcomes = at_once(*[lambda: access.use_sign_in_link(secret, NOW)] * 4)
    assert sorted(outcomes, key=str).count(LinkRefusedError) == 3
    assert outcomes.count(person) == 1


@pytest.mark.django_db(transaction=True)
def test_two_admins_who_demote_each_other_leave_one() -> None:
    ada, bob = (access.add_person(name, "", Role.ADMIN) for name in ("ada", "bob"))
    outcomes = at_once(lambda: access.set_role(ada, Role.VIEWER), lambda: access.set_role(bob, Role.VIEWER))
    assert sorted(outcomes, key=str) == sorted([None, LastAdminError], key=str)
    assert User.objects.filter(groups__name=Role.ADMIN).count() == 1
