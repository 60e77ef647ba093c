"""Own talking to HTTP sources: pooled sessions in threads, one deadline, one cap, every failure typed, back-off.

Questions that are asked by several queues at the same moment travel once (`shared`).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit, urlunsplit

import requests

from monitors.queues.source import MissingError, RefusedError, SourceError, UnreachableError, UnreadableError

THREADS = ThreadPoolExecutor(max_workers=16, thread_name_prefix="queue-source")
"""Sources wait on the network, so threads cost memory only; 16 slow brokers do not hold up a 17th for long."""
BODY_LIMIT_BYTES = 32 * 1024 * 1024
CHUNK_BYTES = 65_536
EVIDENCE_CHARS = 2_000
FAILURES_BEFORE_PAUSE = 3
LONGEST_PAUSE_S = 10.0
"""A source that comes back is seen within this time, however long it was away."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Request:
    url: str
    params: tuple[tuple[str, str], ...] = ()
    user: str | None = None
    password: str | None = None
    token: str | None = None
    ca: str | None = None
    accepts_503: bool = False
    """RabbitMQ answers a health question with 503 and a JSON that says why."""

    @property
    def place(self) -> str:
        """The address without credentials and query, for people."""
        parts = urlsplit(self.url)
        return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


@dataclass(slots=True)
class Trouble:
    failures: int
    until: float
    error: SourceError


ALL_SESSIONS: list[requests.Session] = []


class Sessions(threading.local):
    """One requests session per thread: sessions pool connections, and are not to be shared."""

    def __init__(self) -> None:
        self.session = requests.Session()
        # The environment's proxies and .netrc are for people's commands, not for a prober.
        self.session.trust_env = False
        ALL_SESSIONS.append(self.session)


SESSIONS = Sessions()
TROUBLES: dict[str, Trouble] = {}
SHARED: dict[Any, tuple[float, asyncio.Task[Any]]] = {}


async def close() -> None:
    """End the pooled connections of all threads; what is asked later makes new ones."""
    for session in ALL_SESSIONS:
        session.close()
    SHARED.clear()


async def fetch_json(request: Request, deadline_s: float) -> Any:
    """The decoded body. Raises SourceError."""
    body = await fetch(request, deadline_s)
    try:
        return json.loads(body)
    except ValueError as error:
        raise UnreadableError(
            "not_json", f"{request.place} answered with something else than JSON.", shown(body)
        ) from error


async def fetch(request: Request, deadline_s: float) -> bytes:
    """The body, in a thread. Raises SourceError; a source that failed three times is left alone for a while."""
    place = urlsplit(request.url).netloc
    trouble = TROUBLES.get(place)
    if trouble and time.monotonic() < trouble.until:
        raise trouble.error
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(deadline_s):
            body = await loop.run_in_executor(THREADS, get, request, deadline_s)
    except TimeoutError as error:
        failure = UnreachableError("timeout", f"{request.place} did not answer within {deadline_s:.3g} s.")
        note_failure(place, failure)
        raise failure from error
    except UnreachableError as error:
        note_failure(place, error)
        raise
    TROUBLES.pop(place, None)
    return body


def note_failure(place: str, error: SourceError) -> None:
    failures = TROUBLES[place].failures + 1 if place in TROUBLES else 1
    TROUBLES[place] = Trouble(failures, time.monotonic() + pause_s(failures, error), error)


def pause_s(failures: int, error: SourceError) -> float:
    """A refused connection costs nothing to try again, and a broker that restarts refuses until it is back:
    no pause then. Waiting for an answer holds a thread, and asking a server that fails makes it worse."""
    if failures < FAILURES_BEFORE_PAUSE or error.reason == "unreachable":
        return 0.0
    return min(2.0 ** (failures - FAILURES_BEFORE_PAUSE), LONGEST_PAUSE_S)


def get(request: Request, deadline_s: float) -> bytes:
    deadline = time.monotonic() + deadline_s
    headers = {"Authorization": f"Bearer {request.token}"} if request.token else {}
    auth = (request.user, request.password or "") if request.user is not None else None
    try:
        with SESSIONS.session.get(
            request.url,
            params=request.params,
            headers=headers,
            auth=auth,
            verify=request.ca or True,
            timeout=deadline_s,
            allow_redirects=False,
            stream=True,
        ) as answer:
            body = read_body(answer, deadline, request)
            raise_for_status(answer, body, request)
            return body
    except requests.exceptions.SSLError as error:
        raise UnreachableError("tls", f"{request.place}: no trusted TLS connection ({root_cause(error)}).") from error
    except requests.exceptions.Timeout as error:
        raise UnreachableError("timeout", f"{request.place} did not answer within {deadline_s:.3g} s.") from error
    except requests.exceptions.ConnectionError as error:
        raise UnreachableError("unreachable", f"{request.place} cannot be reached ({root_cause(error)}).") from error
    except requests.exceptions.RequestException as error:
        raise UnreadableError("bad_http", f"{request.place}: {root_cause(error)}.") from error


def read_body(answer: requests.Response, deadline: float, request: Request) -> bytes:
    body = bytearray()
    for chunk in answer.iter_content(CHUNK_BYTES):
        body += chunk
        if len(body) > BODY_LIMIT_BYTES:
            raise UnreadableError("too_large", f"{request.place} sent more than {BODY_LIMIT_BYTES >> 20} MiB.")
        # The timeout of requests is per read: a source that drips would hold the thread for ever.
        if time.monotonic() > deadline:
            raise UnreachableError("timeout", f"{request.place} did not finish its answer in time.")
    return bytes(body)


def raise_for_status(answer: requests.Response, body: bytes, request: Request) -> None:
    status = answer.status_code
    if status == 200 or (status == 503 and request.accepts_503):
        return
    said = f"{request.place} answered {status} {answer.reason or ''}".rstrip()
    if status in (401, 403):
        raise RefusedError("unauthorised", f"{said}: check the credentials and their permissions.", shown(body))
    if status == 404:
        raise MissingError("missing", f"{said}.", shown(body))
    if status >= 500:
        raise UnreachableError("server_error", f"{said}.", shown(body))
    raise RefusedError("unexpected_status", f"{said}.", shown(body))


def shown(body: bytes) -> str:
    return body[:EVIDENCE_CHARS].decode("utf-8", "replace")


def root_cause(error: BaseException) -> str:
    """The innermost message: requests wraps urllib3, which wraps the socket's error, which says what happened."""
    reason = error.args[0] if error.args else error
    while isinstance(inner := getattr(reason, "reason", None), BaseException):
        reason = inner
    return str(reason).rpartition(": ")[2].strip("'\") ") or type(error).__name__


async def shared(key: Any, fresh_s: float, ask: Callable[[], Awaitable[T]]) -> T:
    """The answer to a question that others may have asked within the last `fresh_s`. Failures are shared too."""
    now, loop = time.monotonic(), asyncio.get_running_loop()
    known = SHARED.get(key)
    if known is None or known[1].get_loop() is not loop or now - known[0] > fresh_s:
        forget_old(now)
        task: asyncio.Task[T] = loop.create_task(as_coroutine(ask))
        task.add_done_callback(mark_seen)
        known = SHARED[key] = (now, task)
    # Whoever gives up must not take the answer away from the others.
    answer: T = await asyncio.shield(known[1])
    return answer


async def as_coroutine(ask: Callable[[], Awaitable[T]]) -> T:
    return await ask()


def mark_seen(task: asyncio.Task[Any]) -> None:
    """Read the exception, or asyncio complains about one that nobody waited for."""
    with contextlib.suppress(asyncio.CancelledError):
        task.exception()


def forget_old(now: float) -> None:
    for key in [key for key, (asked, task) in SHARED.items() if now - asked > 60 and task.done()]:
        del SHARED[key]


def credentials(secret: str | None) -> Mapping[str, Any]:
    """`user:password` as the fields of a Request; a bare word is a bearer token."""
    if secret is None:
        return {}
    user, colon, password = secret.partition(":")
    return {"user": user, "password": password} if colon else {"token": secret}
