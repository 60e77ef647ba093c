"""Own the pytest fixtures of the sandbox: one quiet platform per session, at rest at the start of every test."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote, urlencode

import pytest
from django.conf import settings
from django.db import connection
from pytest_django import DjangoDbBlocker

from tests.sandbox.running import Sandbox

# Read before any test database is set up: the sandbox needs none of Django's tables, and outlives no test's.
NAME = settings.DATABASES["default"]["NAME"]


@pytest.fixture(scope="session")
def sandbox_database_url(django_db_blocker: DjangoDbBlocker) -> str:
    """The database beside the tests' own, for processes that know nothing of Django."""
    with django_db_blocker.unblock():
        connection.get_connection_params()  # starts the embedded server where there is no other
    found = connection.settings_dict
    user, password, name = (quote(str(part or ""), safe="") for part in (found["USER"], found["PASSWORD"], NAME))
    where = {key: str(found[key.upper()]) for key in ("host", "port") if found[key.upper()]}
    return f"postgresql://{user}:{password}@/{name}?{urlencode(where)}"


@pytest.fixture(scope="session")
def sandbox_platform(sandbox_database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    with Sandbox(sandbox_database_url, tmp_path_factory.mktemp("sandbox")) as running:
        yield running


@pytest.fixture
def sandbox(sandbox_platform: Sandbox) -> Iterator[Sandbox]:
    """A running sandbox without load. Break it as you like: it is mended for the next test."""
    yield sandbox_platform
    sandbox_platform.reset()
