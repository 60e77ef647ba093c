"""Own what every engine test leaves tidy."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from asgiref.sync import sync_to_async
from django.db import connections


@pytest.fixture(autouse=True)
async def worker_thread_lets_go() -> AsyncIterator[None]:
    """Asynchronous ORM calls run in a thread with a connection of its own, which would outlive the test database."""
    yield
    await sync_to_async(connections.close_all)()
