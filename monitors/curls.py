"""Own libcurl inside an asyncio loop: multi handles driven by the loop's own readers and timers."""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary

import pycurl

from monitors.curl_sockets import sockets_for


class Curls:
    """Perform easy handles. A handle belongs to one performance at a time; an aborted one is free again at once."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._timer: asyncio.Handle | None = None
        self._sockets = sockets_for(loop, self._act)
        self._waiting: dict[pycurl.Curl, asyncio.Future[tuple[int, str]]] = {}
        self._multi = pycurl.CurlMulti()
        self._multi.setopt(pycurl.M_SOCKETFUNCTION, self._watch_socket)
        self._multi.setopt(pycurl.M_TIMERFUNCTION, self._watch_timer)

    @property
    def is_closed(self) -> bool:
        return self._loop.is_closed()

    async def perform(self, curl: pycurl.Curl) -> tuple[int, str]:
        """libcurl's code (0 is well) and its words. Ends by the handle's own TIMEOUT_MS, which must be set."""
        done: asyncio.Future[tuple[int, str]] = self._loop.create_future()
        self._waiting[curl] = done
        try:
            self._multi.add_handle(curl)
            return await done
        finally:
            # A finished handle was removed when its message was read; this is the cancelled one.
            if self._waiting.pop(curl, None) is not None and done.cancelled():
                self._multi.remove_handle(curl)

    # What libcurl asks of the loop. It calls these from inside socket_action, where no other call into it is allowed.

    def _watch_socket(self, wanted: int, fd: int, _multi: pycurl.CurlMulti, _data: object) -> None:
        self._sockets.watch(fd, wanted)

    def _watch_timer(self, timeout_ms: int) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if timeout_ms == 0:
            self._timer = self._loop.call_soon(self._act, pycurl.SOCKET_TIMEOUT, 0)
        elif timeout_ms > 0:
            self._timer = self._loop.call_later(timeout_ms / 1000, self._act, pycurl.SOCKET_TIMEOUT, 0)

    def _act(self, fd: int, event: int) -> None:
        self._multi.socket_action(fd, event)
        self._collect()

    def _collect(self) -> None:
        left = 1
        while left:
            left, well, broken = self._multi.info_read()
            for curl in well:
                self._finish(curl, 0, "")
            for curl, code, words in broken:
                self._finish(curl, code, words)

    def _finish(self, curl: pycurl.Curl, code: int, words: str) -> None:
        self._multi.remove_handle(curl)
        done = self._waiting.pop(curl, None)
        if done is not None and not done.done():
            done.set_result((code, words))


_curls_by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[str, Curls]] = WeakKeyDictionary()


def curls_for(trust: str) -> Curls:
    """The running loop's multi handle for this trust store: libcurl keeps one parsed store per multi handle."""
    loop = asyncio.get_running_loop()
    curls_by_trust = _curls_by_loop.setdefault(loop, {})
    found = curls_by_trust.get(trust)
    if found is None:
        found = curls_by_trust[trust] = Curls(loop)
    return found
