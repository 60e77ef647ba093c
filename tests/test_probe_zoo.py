"""Every kind meets every bad server: a typed result in time, a registered reason, a sentence that a person reads."""

from __future__ import annotations

import asyncio
import socket
import time
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import uvloop

from monitors.probes import KINDS, Check
from monitors.reasons import REASONS
from monitors.results import EVIDENCE_LIMIT_BYTES, ProbeResult, Result
from tests import zoo
from tests.zoo import Authority, Script, Zoo

TIMEOUT_S = 0.8
GRACE_S = 0.7
"""What a loaded machine may add to a deadline before a test calls it broken."""

CONNECTING_KINDS = ("http", "https", "smtp", "smtps", "tcp", "tls", "redis", "postgres")
TLS_KINDS = ("https", "smtp", "smtps", "tls", "redis-tls")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return zoo.authority(tmp_path_factory.mktemp("authority"))


def options_for(kind: str, address: str, ca: Path | None = None) -> tuple[str, dict[str, Any]]:
    """The registered kind behind a row's name, and options that reach the address under the name localhost."""
    port = address.rpartition(":")[2]
    named = {"address": f"localhost:{port}", "connect_to": address}
    trust = {"ca": str(ca)} if ca else {}
    return {
        "http": ("http", {"url": f"http://localhost:{port}/", "connect_to": address}),
        "https": ("http", {"url": f"https://localhost:{port}/", "connect_to": address, **trust}),
        "smtp": ("smtp", named | trust),
        "smtps": ("smtp", named | trust | {"implicit_tls": True}),
        "tcp": ("tcp", named | {"dialogue": [{"send": "hello\r\n"}, {"expect": "^hello"}]}),
        "tls": ("tls", named | trust),
        "redis": ("redis", named),
        "redis-tls": ("redis", named | trust | {"tls": True}),
        "postgres": ("postgres", {"dsn": {"env": "ZOO_DSN"}}),
    }[kind]


def probed(kind: str, address: str, ca: Path | None = None, **more: Any) -> ProbeResult:
    """Run the kind once and hold the promises that every result makes."""
    name, options = options_for(kind, address, ca)
    known = KINDS[name]
    check = Check(1, "zoo", name, TIMEOUT_S, 10.0, known.options.model_validate(options | more))
    started = time.monotonic()
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:  # as the prober; the other tests run without
        result = runner.run(known.run(check))
    assert time.monotonic() - started < TIMEOUT_S + GRACE_S
    assert result.reason in REASONS
    assert 8 < len(result.sentence) <= 500
    assert result.sentence.isprintable()
    assert "Traceback" not in result.sentence
    assert len((result.evidence or "").encode()) <= EVIDENCE_LIMIT_BYTES
    assert "\x00" not in (result.evidence or "")
    return result


@pytest.fixture(autouse=True)
def dsn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZOO_DSN", "host=127.0.0.1 port=1 user=someone password=very-secret dbname=x")


def aim(monkeypatch: pytest.MonkeyPatch, server: Zoo | str) -> str:
    address = server if isinstance(server, str) else server.address
    host, _, port = address.rpartition(":")
    dsn = f"host={host.strip('[]')} port={port} user=someone password=very-secret dbname=x sslmode=disable"
    monkeypatch.setenv("ZOO_DSN", dsn)
    return address


@dataclass(frozen=True, slots=True)
class Beast:
    """A misbehaviour, and the reasons that may name it for the kinds where it shows."""

    script: Script
    reasons: dict[str, set[str]]


def everywhere(*reasons: str, **other: set[str]) -> dict[str, set[str]]:
    return {kind: other.get(kind, set(reasons)) for kind in CONNECTING_KINDS}


JUNK = bytes(range(128, 256)) * 8 + b"\r\n"
BEASTS = {
    "silence": Beast(zoo.silence, everywhere("timeout")),
    "reset midway": Beast(zoo.reset, everywhere("reset", "closed")),
    "closes at once": Beast(zoo.close_at_once, everywhere("closed", "reset", https={"closed", "tls_failed"})),
    "endless line": Beast(
        zoo.endless(b"220 ", b"a" * 65_536),
        everywhere(
            "too_much_said",
            http={"not_http"},
            https={"not_tls"},
            smtps={"not_tls"},
            tls={"not_tls"},
            tcp={"too_much_said", "expect_unmatched"},
            redis={"not_redis", "too_much_said"},
            postgres={"not_postgres", "postgres_refused"},
        ),
    ),
    "endless reply": Beast(
        zoo.endless(b"", b"220-still talking\r\n" * 500),
        {"smtp": {"too_much_said"}, "tcp": {"too_much_said", "expect_unmatched"}, "http": {"not_http"}},
    ),
    "endless body": Beast(
        zoo.endless(b"HTTP/1.1 200 OK\r\n\r\n", b"x" * 65_536, is_asked=True), {"http": {"body_too_long"}}
    ),
    "10 MB header": Beast(
        zoo.endless(b"HTTP/1.1 200 OK\r\nX-Long: ", b"x" * 65_536, is_asked=True), {"http": {"header_too_large"}}
    ),
    "endless headers": Beast(
        zoo.endless(b"HTTP/1.1 200 OK\r\n", b"X-More: more\r\n" * 1000, is_asked=True), {"http": {"header_too_large"}}
    ),
    "slow loris": Beast(
        zoo.dripping(b"220 hello "),
        everywhere(
            "timeout",
            http={"timeout", "not_http"},
            https={"not_tls", "timeout"},
            smtps={"not_tls", "timeout"},
            tls={"not_tls", "timeout"},
            tcp={"expect_unmatched"},
            redis={"timeout"},
            postgres={"timeout", "not_postgres", "postgres_refused"},
        ),
    ),
    "slow loris body": Beast(
        zoo.answering(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nten bytes!"), {"http": {"closed"}}
    ),
    "speaks SSH": Beast(
        zoo.saying(b"SSH-2.0-OpenSSH_9.2\r\n"),
        everywhere(
            "not_tls",
            http={"not_http"},
            smtp={"not_smtp"},
            tcp={"expect_unmatched"},
            redis={"not_redis"},
            postgres={"not_postgres", "postgres_refused"},
        ),
    ),
    "speaks HTTP": Beast(
        zoo.answering(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"),
        {
            "https": {"not_tls"},
            "smtps": {"not_tls"},
            "tls": {"not_tls"},
            "redis": {"not_redis"},
            "tcp": {"expect_unmatched"},
            "postgres": {"not_postgres", "postgres_refused"},
        },
    ),
    "invalid UTF-8": Beast(
        zoo.saying(JUNK),
        everywhere(
            "not_tls",
            "tls_failed",
            http={"not_http"},
            smtp={"not_smtp"},
            tcp={"expect_unmatched"},
            redis={"not_redis"},
            postgres={"not_postgres", "postgres_refused"},
        ),
    ),
    "invalid UTF-8 in its place": Beast(
        zoo.answering(b"HTTP/1.1 500 \xff\xfe\r\nX-\xff: \x00\r\n\r\n\xff\x00\xed\xa0\x80"),
        {"http": {"status_5xx", "not_http"}},
    ),
    "banner of 421": Beast(zoo.saying(b"421 4.3.2 too many connections\r\n"), {"smtp": {"smtp_not_accepting"}}),
    "code changes midway": Beast(zoo.saying(b"220-one\r\n221 two\r\n"), {"smtp": {"smtp_protocol"}}),
    "no STARTTLS": Beast(
        zoo.dialogue(b"220 zoo\r\n", (b"EHLO", b"250-zoo\r\n250 SIZE\r\n")), {"smtp": {"starttls_missing"}}
    ),
    "STARTTLS refused": Beast(
        zoo.dialogue(b"220 zoo\r\n", (b"EHLO", b"250-zoo\r\n250 STARTTLS\r\n"), (b"STARTTLS", b"454 not now\r\n")),
        {"smtp": {"starttls_refused"}},
    ),
    "TLS then garbage": Beast(
        zoo.dialogue(
            b"220 zoo\r\n",
            (b"EHLO", b"250-zoo\r\n250 STARTTLS\r\n"),
            (b"STARTTLS", b"220 go\r\n"),
            (b"\x16", b"junk\r\n"),
        ),
        {"smtp": {"not_tls", "timeout", "tls_failed"}},
    ),
    "injects after STARTTLS": Beast(
        zoo.dialogue(
            b"220 zoo\r\n", (b"EHLO", b"250-zoo\r\n250 STARTTLS\r\n"), (b"STARTTLS", b"220 go\r\n250 injected\r\n")
        ),
        {"smtp": {"starttls_injection", "not_tls"}},
    ),
    "Redis wants a password": Beast(zoo.answering(b"-NOAUTH Authentication required.\r\n"), {"redis": {"auth_failed"}}),
    "Redis is loading": Beast(zoo.answering(b"-LOADING Redis is loading the dataset\r\n"), {"redis": {"starting_up"}}),
    "huge bulk": Beast(zoo.endless(b"$99999999\r\n", b"x" * 65_536, is_asked=True), {"redis": {"too_much_said"}}),
}
ROWS = [
    pytest.param(kind, beast.script, reasons, id=f"{kind}: {name}")
    for name, beast in BEASTS.items()
    for kind, reasons in beast.reasons.items()
]


@pytest.mark.parametrize(("kind", "script", "reasons"), ROWS)
def test_a_bad_server_is_named(kind: str, script: Script, reasons: set[str], monkeypatch: pytest.MonkeyPatch) -> None:
    with Zoo(script) as server:
        result = probed(kind, aim(monkeypatch, server))
    assert result.result is Result.FAIL
    assert result.reason in reasons
    assert "very-secret" not in f"{result.sentence}{result.evidence}"


@pytest.mark.parametrize("kind", CONNECTING_KINDS)
def test_a_refused_connection_is_refused(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with zoo.refusing() as address:
        result = probed(kind, aim(monkeypatch, address))
    assert (result.result, result.reason, result.latency_ms) == (Result.FAIL, "refused", None)
    assert address.rpartition(":")[2] in result.sentence


@pytest.mark.parametrize("kind", CONNECTING_KINDS)
def test_a_firewall_that_drops_everything_times_out_while_connecting(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with zoo.deaf() as address:
        result = probed(kind, aim(monkeypatch, address))
    assert (result.result, result.reason, result.latency_ms) == (Result.FAIL, "timeout", None)
    assert "connect" in result.sentence


WRONG_CERTIFICATES = {
    "expired": (
        "certificate_expired",
        {"begins": -timedelta(days=9), "ends": -timedelta(minutes=8, seconds=5)},
        "8 min ago",
    ),
    "not yet valid": ("certificate_not_yet_valid", {"begins": timedelta(days=2)}, "not valid before"),
    "wrong name": ("certificate_wrong_name", {"name": "other.example"}, "other.example"),
}


@pytest.mark.parametrize("kind", TLS_KINDS)
@pytest.mark.parametrize(("reason", "made", "words"), WRONG_CERTIFICATES.values(), ids=WRONG_CERTIFICATES)
def test_a_wrong_certificate_says_what_is_wrong_with_it(
    kind: str, reason: str, made: dict[str, Any], words: str, authority: Authority
) -> None:
    context = authority.context(**made)
    script = zoo.wait_for_the_end
    with Zoo(zoo.after_starttls(context, script) if kind == "smtp" else zoo.behind_tls(context, script)) as server:
        result = probed(kind, server.address, authority.file)
    assert (result.result, result.reason) == (Result.FAIL, reason)
    assert words in result.sentence


@pytest.mark.parametrize("kind", TLS_KINDS)
def test_an_unknown_authority_is_not_trusted(kind: str, authority: Authority, tmp_path: Path) -> None:
    context = zoo.authority(tmp_path, "Stranger").context()
    script = zoo.wait_for_the_end
    with Zoo(zoo.after_starttls(context, script) if kind == "smtp" else zoo.behind_tls(context, script)) as server:
        result = probed(kind, server.address, authority.file)
    assert (result.result, result.reason) == (Result.FAIL, "certificate_untrusted")
    assert "Stranger" in result.sentence


@pytest.mark.parametrize("kind", TLS_KINDS)
def test_a_server_of_tls_1_0_is_too_old(kind: str, authority: Authority) -> None:
    context = zoo.obsolete(authority.context())
    script = zoo.wait_for_the_end
    with Zoo(zoo.after_starttls(context, script) if kind == "smtp" else zoo.behind_tls(context, script)) as server:
        result = probed(kind, server.address, authority.file)
    assert (result.result, result.reason) == (Result.FAIL, "tls_too_old")


@pytest.mark.parametrize("kind", CONNECTING_KINDS)
def test_a_server_on_ipv6_only_is_reached_there_and_refused_on_ipv4(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with Zoo(zoo.close_at_once, socket.AF_INET6) as server:
        there = probed(kind, aim(monkeypatch, server))
        elsewhere = probed(kind, aim(monkeypatch, f"127.0.0.1:{server.port}"))
    assert there.reason != "refused"
    assert elsewhere.reason == "refused"
