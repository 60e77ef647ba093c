"""Own one HTTP exchange over libcurl: a handle configured once per monitor, run again and again.

Configuring a handle costs as much as a plain check, so handles are kept, idle, with the options that
they were made for. A connection is fresh by default: a reused one would hide a dead listener.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pycurl

from monitors.certificates import Certificate
from monitors.curls import Curls, curls_for
from monitors.evidence import redacted
from monitors.options import Secret
from monitors.probes.http.answer import Answer, request_in_words, transcript
from monitors.probes.http.handle import configured, leaf_of, trust
from monitors.probes.http.options import HttpOptions

CERTIFICATE_READ_EVERY_S = 60.0
"""libcurl verifies at every handshake; reading the end date for the warning costs 5 % more, so once a minute."""
BODY_SHOWN_BYTES = 4096
IDLE_LIMIT = 4096
"""Idle handles kept, about 20 kB each; the longest unused go first."""
VERSION_NAMES = {1: "1.0", 2: "1.1", 3: "2"}


class Exchange:
    """One easy handle, configured for one monitor's options."""

    __slots__ = (
        "_body",
        "_certificate_due",
        "_curl",
        "_curls",
        "_has_secrets",
        "_head",
        "_leaf",
        "_said",
        "_secrets",
        "_trusted",
        "options",
    )

    def __init__(self, options: HttpOptions) -> None:
        self.options = options
        self._head: list[bytes] = []
        self._body: list[bytes] = []
        self._leaf: Certificate | None = None
        self._certificate_due = 0.0
        self._curls: Curls | None = None
        self._trusted = ""
        self._secrets: tuple[str, ...] = ()
        in_headers = any(isinstance(value, Secret) for value in options.headers.values())
        self._has_secrets = bool(in_headers or options.bearer or options.basic)
        self._said = request_in_words(options)
        self._curl = configured(options)

    async def run(self, timeout_s: float) -> Answer:
        """Never raises for what the network does. Raises SecretError."""
        curl = self._curl
        # New lists, so that a stray late callback of an aborted run cannot write into this one.
        self._head, self._body = [], []
        curl.setopt(pycurl.HEADERFUNCTION, self._head.append)
        curl.setopt(pycurl.WRITEFUNCTION, self._body.append)
        curl.setopt(pycurl.TIMEOUT_MS, max(1, int(timeout_s * 1000)))
        self._reveal()
        is_certificate_due = self.options.is_tls and time.monotonic() >= self._certificate_due
        if is_certificate_due:
            curl.setopt(pycurl.OPT_CERTINFO, 1)
        code, words = await self._multi().perform(curl)
        if is_certificate_due:
            self._read_certificate(code)
        return self._answer(code, words)

    def _multi(self) -> Curls:
        """The multi handle of the running loop and of the trust store as it is now; the last one where both stand."""
        trusted = trust(self.options)
        if self._curls is None or self._curls.is_closed or trusted != self._trusted:
            self._curls, self._trusted = curls_for(trusted), trusted
        return self._curls

    def _reveal(self) -> None:
        """Set what is secret, read anew at each run so that a rotated secret needs no restart."""
        options = self.options
        if not self._has_secrets:
            return
        secrets = []
        lines = [f"{name}: {value}" for name, value in options.headers.items() if isinstance(value, str)]
        for name, value in options.headers.items():
            if isinstance(value, Secret):
                secrets.append(value.reveal())
                lines.append(f"{name}: {secrets[-1]}")
        if options.bearer:
            secrets.append(options.bearer.reveal())
            lines.append(f"Authorization: Bearer {secrets[-1]}")
        if options.basic:
            secrets.append(options.basic.password.reveal())
            self._curl.setopt(pycurl.USERNAME, options.basic.user)
            self._curl.setopt(pycurl.PASSWORD, secrets[-1])
            secrets.append(f"{options.basic.user}:{secrets[-1]}")
        if secrets:
            self._curl.setopt(pycurl.HTTPHEADER, lines)
            self._secrets = tuple(secrets)

    def _read_certificate(self, code: int) -> None:
        self._curl.setopt(pycurl.OPT_CERTINFO, 0)
        if code == 0:
            self._leaf = leaf_of(self._curl)
            self._certificate_due = time.monotonic() + CERTIFICATE_READ_EVERY_S

    def _answer(self, code: int, words: str) -> Answer:
        info = self._curl.getinfo
        return Answer(
            code=code,
            words=words or self._curl.errstr() if code else "",
            status=info(pycurl.RESPONSE_CODE),
            head=b"".join(self._head),
            body=b"".join(self._body),
            times_ms=(
                info(pycurl.NAMELOOKUP_TIME_T) / 1000,
                info(pycurl.CONNECT_TIME_T) / 1000,
                info(pycurl.APPCONNECT_TIME_T) / 1000,
                info(pycurl.PRETRANSFER_TIME_T) / 1000,
                info(pycurl.STARTTRANSFER_TIME_T) / 1000,
                info(pycurl.TOTAL_TIME_T) / 1000,
            ),
            http_version=VERSION_NAMES.get(info(pycurl.INFO_HTTP_VERSION), "?"),
            is_tls=self.options.is_tls,
            os_errno=info(pycurl.OS_ERRNO) if code else 0,
            verify_code=info(pycurl.SSL_VERIFYRESULT) if code else 0,
            leaf=self._leaf,
        )

    def without_secrets(self, sentence: str) -> str:
        """A server may say back what we told it."""
        return redacted(sentence, self._secrets) if self._secrets else sentence

    def transcript(self, answer: Answer) -> Callable[[], str]:
        """What makes the exchange readable; it keeps no more of the body than it will show."""
        left = len(answer.body) - BODY_SHOWN_BYTES
        if left > 0:
            answer = replace(answer, body=answer.body[:BODY_SHOWN_BYTES])
        return partial(transcript, self._said, answer, left, self._secrets)


_idle: OrderedDict[int, Exchange] = OrderedDict()


def borrow(monitor_id: int, options: HttpOptions) -> Exchange:
    """The idle handle of this monitor if its options are the same, else a new one."""
    exchange = _idle.pop(monitor_id, None)
    if exchange is not None and (exchange.options is options or exchange.options == options):
        return exchange
    return Exchange(options)


def give_back(monitor_id: int, exchange: Exchange) -> None:
    _idle[monitor_id] = exchange
    if len(_idle) > IDLE_LIMIT:
        _idle.popitem(last=False)
