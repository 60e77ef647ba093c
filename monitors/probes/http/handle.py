"""Own the configuring of a libcurl handle: what of a monitor's options stays the same from run to run."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pycurl

from monitors.certificates import Certificate, parsed_pem, system_bundle
from monitors.curls import curls_for
from monitors.probes.http.options import HttpOptions

USER_AGENT = "Standpipe/0.1"
REDIRECT_LIMIT = 5
KEY_EXCHANGES = "X25519:P-256:P-384:X25519MLKEM768"
"""A classical key share first: the hybrid one that OpenSSL 3.5 prefers costs a client 15 % more CPU per check."""
VERSIONS = {"1.1": pycurl.CURL_HTTP_VERSION_1_1, "2": pycurl.CURL_HTTP_VERSION_2TLS}
IP_RESOLVE = {None: pycurl.IPRESOLVE_WHATEVER, 4: pycurl.IPRESOLVE_V4, 6: pycurl.IPRESOLVE_V6}


def configured(options: HttpOptions) -> pycurl.Curl:
    curl = pycurl.Curl()
    for option, value in _settings(options):
        curl.setopt(option, value)
    return curl


def _settings(options: HttpOptions) -> Iterator[tuple[int, Any]]:
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


def trust(options: HttpOptions) -> str:
    """Names the trust store, so that a replaced file is read again: libcurl itself would keep the old one for a day."""
    if not options.is_tls:
        return ""
    path = str(options.ca or system_bundle())
    try:
        return f"{path}@{os.stat(path).st_mtime_ns}"
    except OSError:
        return path  # libcurl says it better


def leaf_of(curl: pycurl.Curl) -> Certificate | None:
    for certificate in curl.getinfo(pycurl.INFO_CERTINFO) or []:
        for name, value in certificate:
            if name == "Cert":
                return parsed_pem(value)
    return None


async def presented_leaf(options: HttpOptions, timeout_s: float) -> Certificate | None:
    """The certificate that a server shows which we do not trust: a handshake without verifying, and no request."""
    curl = configured(options)
    curl.setopt(pycurl.SSL_VERIFYPEER, 0)
    curl.setopt(pycurl.SSL_VERIFYHOST, 0)
    curl.setopt(pycurl.OPT_CERTINFO, 1)
    curl.setopt(pycurl.CONNECT_ONLY, 1)
    curl.setopt(pycurl.TIMEOUT_MS, max(1, int(timeout_s * 1000)))
    code, _ = await curls_for(trust(options)).perform(curl)
    return leaf_of(curl) if code == 0 else None
