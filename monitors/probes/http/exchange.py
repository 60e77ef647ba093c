"""Own one HTTP exchange over libcurl: a handle configured once per monitor, run again and again, and what came back.

Configuring a handle costs as much as a plain check, so handles are kept, idle, with the options that
they were made for. A connection is fresh by default: a reused one would hide a dead listener.
"""

from __future__ import annotations

import os
import re
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import pycurl

from monitors.certificates import Certificate, parsed_pem, system_bundle
from monitors.curls import Curls, curls_for
from monitors.evidence import capped, printable, redacted
from monitors.options import Secret
from monitors.probes.http.options import HttpOptions

USER_AGENT = "Standpipe/0.1"
REDIRECT_LIMIT = 5
CERTIFICATE_READ_EVERY_S = 60.0
"""libcurl verifies at every handshake; reading the end date for the warning costs 5 % more, so once a minute."""
KEY_EXCHANGES = "X25519:P-256:P-384:X25519MLKEM768"
"""A classical key share first: the hybrid one that OpenSSL 3.5 prefers costs a client 15 % more CPU per check."""
BODY_SHOWN_BYTES = 4096
IDLE_LIMIT = 4096
"""Idle handles kept, about 20 kB each; the longest unused go first."""
VERSIONS = {"1.1": pycurl.CURL_HTTP_VERSION_1_1, "2": pycurl.CURL_HTTP_VERSION_2TLS}
VERSION_NAMES = {1: "1.0", 2: "1.1", 3: "2"}
IP_RESOLVE = {None: pycurl.IPRESOLVE_WHATEVER, 4: pycurl.IPRESOLVE_V4, 6: pycurl.IPRESOLVE_V6}
COOKIE = re.compile(r"(?im)^(set-cookie:\s*[^=\n]*=)[^;\n]*")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `code` is libcurl's, 0 when an HTTP answer was read whole; times in ms since the start."""

    code: int
    words: str
    status: int
    head: bytes
    body: bytes
    times_ms: tuple[float, float, float, float, float, float]
    http_version: str
    is_tls: bool
    os_errno: int
    verify_code: int
    leaf: Certificate | None

    @property
    def total_ms(self) -> float:
        return self.times_ms[5]

    @property
    def phases_ms(self) -> dict[str, float]:
        """As far as it got: `dns tcp tls processing transfer`."""
        named, connected, encrypted, asked, answered, total = self.times_ms
        phases = {"dns": named}
        if connected:
            phases["tcp"] = round(connected - named, 3)
        if self.is_tls and encrypted:
            phases["tls"] = round(encrypted - connected, 3)
        if self.status:
            phases["processing"] = round(answered - asked, 3)
            phases["transfer"] = round(total - answered, 3)
        return phases

    def headers(self) -> dict[str, str]:
        """Lower-case names of the last answer's head; of repeated headers the values joined (RFC 9110 5.2)."""
        found: dict[str, str] = {}
        last = self.head.rstrip(b"\r\n").rpartition(b"\r\n\r\n")[2]
        for line in last.decode("utf-8", "replace").split("\r\n")[1:]:
            name, _, value = line.partition(":")
            key = name.strip().lower()
            found[key] = f"{found[key]}, {value.strip()}" if key in found else value.strip()
        return found


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
        self._said = _request_in_words(options)
        self._curl = pycurl.Curl()
        for option, value in _settings(options):
            self._curl.setopt(option, value)

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
        trust = _trust(self.options)
        if self._curls is None or self._curls.is_closed or trust != self._trusted:
            self._curls, self._trusted = curls_for(trust), trust
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
            self._leaf = _leaf(self._curl)
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

    def transcript(self, answer: Answer) -> Callable[[], str]:
        """What makes the exchange readable; it keeps no more of the body than it will show."""
        left = len(answer.body) - BODY_SHOWN_BYTES
        if left > 0:
            answer = replace(answer, body=answer.body[:BODY_SHOWN_BYTES])
        return partial(transcript, self._said, answer, left, self._secrets)


def transcript(said: str, answer: Answer, left: int, secrets: tuple[str, ...]) -> str:
    """An exchange as a person reads it, without credentials and cookies."""
    leaf = f"* {answer.leaf.text()}\n" if answer.leaf else ""
    remark = f"* {answer.words}\n" if answer.code else ""
    head = COOKIE.sub(r"\1[redacted]", printable(answer.head))
    cut = f"\n[cut here: {left} more bytes]" if left > 0 else ""
    return capped(redacted(f"{said}{leaf}{remark}\n{head}{printable(answer.body)}{cut}", secrets))


def _trust(options: HttpOptions) -> str:
    """Names the trust store, so that a replaced file is read again: libcurl itself would keep the old one for a day."""
    if not options.is_tls:
        return ""
    path = str(options.ca or system_bundle())
    try:
        return f"{path}@{os.stat(path).st_mtime_ns}"
    except OSError:
        return path  # libcurl says it better


def _request_in_words(options: HttpOptions) -> str:
    via = f" by way of {options.connect_to}" if options.connect_to else ""
    names = [name if isinstance(value, Secret) else f"{name}: {value}" for name, value in options.headers.items()]
    names += ["Authorization: Bearer [redacted]"] if options.bearer else []
    names += [f"Authorization: Basic [redacted], user {options.basic.user}"] if options.basic else []
    return "".join(f"{line}\n" for line in (f"{options.method} {options.url}{via}", *names))


def _settings(options: HttpOptions) -> Iterator[tuple[int, Any]]:
    """Everything that stays the same from run to run."""
    yield pycurl.URL, options.url
    yield pycurl.NOSIGNAL, 1
    yield pycurl.USERAGENT, USER_AGENT
    yield pycurl.PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS
    yield pycurl.REDIR_PROTOCOLS, pycurl.PROTO_HTTP | pycurl.PROTO_HTTPS
    yield pycurl.MAXFILESIZE, max(1, options.body_limit_bytes)
    yield pycurl.HTTP_VERSION, VERSIONS[options.http_version]
    yield pycurl.IPRESOLVE, IP_RESOLVE[options.ip_version]
    yield pycurl.FOLLOWLOCATION, options.follow_redirects
    yield pycurl.MAXREDIRS, REDIRECT_LIMIT
    yield pycurl.DNS_CACHE_TIMEOUT, 0  # the look-up is part of what is measured
    yield pycurl.PROXY, options.proxy or ""  # empty: the environment's proxy is not ours
    if not options.is_connection_reused:
        yield pycurl.FRESH_CONNECT, 1
        yield pycurl.FORBID_REUSE, 1
    if options.connect_to:
        yield pycurl.CONNECT_TO, [f"::{options.connect_to}"]
    yield from _method_settings(options)
    yield from _tls_settings(options)


def _method_settings(options: HttpOptions) -> Iterator[tuple[int, Any]]:
    if options.headers:
        yield (
            pycurl.HTTPHEADER,
            [f"{name}: {value}" for name, value in options.headers.items() if isinstance(value, str)],
        )
    if options.basic:
        yield pycurl.HTTPAUTH, pycurl.HTTPAUTH_BASIC
    if options.method == "HEAD":
        yield pycurl.NOBODY, 1
    elif options.body is not None or options.method == "POST":
        yield pycurl.COPYPOSTFIELDS, (options.body or "").encode()
    if options.method not in ("GET", "HEAD"):
        yield pycurl.CUSTOMREQUEST, options.method


def _tls_settings(options: HttpOptions) -> Iterator[tuple[int, Any]]:
    yield pycurl.CAINFO, str(options.ca or system_bundle())
    yield pycurl.SSL_VERIFYPEER, 1 if options.verify else 0
    yield pycurl.SSL_VERIFYHOST, 2 if options.verify else 0
    yield pycurl.SSL_SESSIONID_CACHE, 0  # a resumed session shows no certificate
    yield pycurl.SSL_EC_CURVES, KEY_EXCHANGES
    yield pycurl.SSLVERSION, pycurl.SSLVERSION_TLSv1_2
    if options.client_certificate:
        yield pycurl.SSLCERT, str(options.client_certificate)
        yield pycurl.SSLKEY, str(options.client_key or options.client_certificate)


def _leaf(curl: pycurl.Curl) -> Certificate | None:
    for certificate in curl.getinfo(pycurl.INFO_CERTINFO) or []:
        for name, value in certificate:
            if name == "Cert":
                return parsed_pem(value)
    return None


async def presented_leaf(options: HttpOptions, timeout_s: float) -> Certificate | None:
    """The certificate that a server shows which we do not trust: a handshake without verifying, and no request."""
    curl = pycurl.Curl()
    for option, value in _settings(options):
        curl.setopt(option, value)
    curl.setopt(pycurl.SSL_VERIFYPEER, 0)
    curl.setopt(pycurl.SSL_VERIFYHOST, 0)
    curl.setopt(pycurl.OPT_CERTINFO, 1)
    curl.setopt(pycurl.CONNECT_ONLY, 1)
    curl.setopt(pycurl.TIMEOUT_MS, max(1, int(timeout_s * 1000)))
    code, _ = await curls_for(_trust(options)).perform(curl)
    return _leaf(curl) if code == 0 else None


# Idle handles


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
