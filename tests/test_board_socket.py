"""Who may open the board's websocket, and for how long."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any
from unittest.mock import Mock

import pytest
from asgiref.sync import sync_to_async
from django.contrib.auth.models import Group
from django.contrib.sessions.models import Session
from django.db import OperationalError
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from statuspage.sessions import SessionStore
from tests.browser import LiveServer


@pytest.fixture
def headers(server: LiveServer, session_cookie: str) -> dict[str, str]:
    return {"Cookie": f"sessionid={session_cookie}", "Origin": server.url}


@pytest.fixture
async def socket(server: LiveServer, headers: dict[str, str]) -> AsyncIterator[ClientConnection]:
    async with connect(f"{server.websocket_url}/ws/board/", additional_headers=headers) as opened:
        yield opened


async def closed_with(socket: ClientConnection) -> int | None:
    try:
        while True:
            await socket.recv()
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else None


async def refused(server: LiveServer, headers: dict[str, str], path: str = "/ws/board/") -> int:
    with pytest.raises(InvalidStatus) as error:
        async with connect(f"{server.websocket_url}{path}", additional_headers=headers):
            pass
    return int(error.value.response.status_code)


async def test_a_stranger_is_refused(server: LiveServer) -> None:
    assert await refused(server, {"Origin": server.url}) == 403


async def test_a_person_without_a_role_is_refused(server: LiveServer, headers: dict[str, str], operator: Any) -> None:
    await operator.groups.aclear()
    assert await refused(server, headers) == 403


@pytest.mark.parametrize(
    "origin",
    ["https://elsewhere.example", "http://127.0.0.1:1", "null", "", "http://[::1"],
    ids=["another site", "another port of this machine", "a sandboxed frame", "none", "half an address"],
)
async def test_a_page_of_another_origin_is_refused(server: LiveServer, headers: dict[str, str], origin: str) -> None:
    assert await refused(server, headers | {"Origin": origin}) == 403


async def test_an_unknown_address_is_refused(server: LiveServer, headers: dict[str, str]) -> None:
    assert await refused(server, headers, "/ws/elsewhere/") == 403


async def test_while_the_database_is_away_nobody_comes_in_and_the_log_stays_short(
    server: LiveServer, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(SessionStore, "load", Mock(side_effect=OperationalError("the server is gone\nfor now")))
    assert await refused(server, headers) == 403
    assert [(record.message, record.exc_info) for record in caplog.records if "websocket" in record.message] == [
        ("websocket refused", None)
    ]
    assert "Traceback" not in caplog.text


async def test_a_socket_closes_when_the_session_ends(socket: ClientConnection) -> None:
    await sync_to_async(Session.objects.all().delete)()
    assert await closed_with(socket) == 4401


async def test_a_socket_closes_when_the_role_changes(socket: ClientConnection, operator: Any) -> None:
    group, _ = await Group.objects.aget_or_create(name="viewer")
    await operator.groups.aadd(group)
    assert await closed_with(socket) == 4401


async def test_a_socket_closes_when_the_account_is_switched_off(socket: ClientConnection, operator: Any) -> None:
    operator.is_active = False
    await operator.asave(update_fields=["is_active"])
    assert await closed_with(socket) == 4401


async def test_a_socket_that_talks_is_closed(socket: ClientConnection) -> None:
    await socket.send("hello")
    assert await closed_with(socket) == 1001
