"""libcurl in the loop answers the same whichever way its sockets are watched."""

from __future__ import annotations

import asyncio
import select

import pycurl
import pytest

from monitors import curl_sockets
from monitors.curl_sockets import ready_for
from monitors.curls import Curls
from tests.peers import Nginx


@pytest.mark.parametrize("has_epoll", [True, False], ids=["epoll", "readers"])
async def test_many_exchanges_at_once(nginx: Nginx, has_epoll: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not has_epoll:
        monkeypatch.setattr("monitors.curls.sockets_for", curl_sockets.ReaderSockets)
    curls = Curls(asyncio.get_running_loop())
    heads: list[bytes] = []

    async def exchange(number: int) -> int:
        curl = pycurl.Curl()
        curl.setopt(pycurl.URL, f"{nginx.url}/{'health' if number % 2 else 'fail'}")
        curl.setopt(pycurl.WRITEFUNCTION, heads.append)
        curl.setopt(pycurl.TIMEOUT_MS, 5_000)
        curl.setopt(pycurl.FORBID_REUSE, 1)
        code, _ = await curls.perform(curl)
        assert code == 0
        return int(curl.getinfo(pycurl.RESPONSE_CODE))

    statuses = await asyncio.gather(*(exchange(number) for number in range(100)))
    assert statuses == [503, 200] * 50


@pytest.mark.skipif(not hasattr(select, "epoll"), reason="no epoll here")
@pytest.mark.parametrize(
    ("events", "ready"),
    [
        pytest.param(1, pycurl.CSELECT_IN, id="in"),
        pytest.param(4, pycurl.CSELECT_OUT, id="out"),
        pytest.param(5, pycurl.CSELECT_IN | pycurl.CSELECT_OUT, id="both"),
        pytest.param(8, pycurl.CSELECT_IN | pycurl.CSELECT_OUT, id="error"),
        pytest.param(16, pycurl.CSELECT_IN | pycurl.CSELECT_OUT, id="hang-up"),
        pytest.param(17, pycurl.CSELECT_IN | pycurl.CSELECT_OUT, id="in and hang-up"),
    ],
)
def test_an_error_is_ready_for_both(events: int, ready: int) -> None:
    assert ready_for(events) == ready
