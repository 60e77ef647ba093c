"""The http kind: what is expected of an answer, how it is asked, and what an operator reads when it differs."""

from __future__ import annotations

import asyncio
import json
import os
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from monitors.probes import KINDS, Check
from monitors.probes.expectations import FieldAbsentError, resolve, steps
from monitors.probes.http.answer import Answer
from monitors.probes.http.judgement import exchange_fault
from monitors.reasons import REASONS
from monitors.results import ProbeResult, Result
from tests import zoo
from tests.peers import Nginx
from tests.peers.peer import free_port
from tests.zoo import Authority, Script, Zoo

KIND = KINDS["http"]
BODY = {"status": "ok", "queue": {"depth": 7, "names": ["a", "b"]}, "odd.key": None, "ready": True}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return zoo.authority(tmp_path_factory.mktemp("authority"))


def check_of(timeout_s: float = 3.0, **options: Any) -> Check:
    return Check(1, "api", "http", timeout_s, 10.0, KIND.options.model_validate(options))


def probed(timeout_s: float = 3.0, **options: Any) -> ProbeResult:
    result = asyncio.run(KIND.run(check_of(timeout_s, **options)))
    assert result.reason in REASONS
    return result


def answer(body: bytes | dict[str, Any] = b"", status: str = "200 OK", *headers: str) -> bytes:
    raw = json.dumps(body).encode() if isinstance(body, dict) else body
    lines = [f"HTTP/1.1 {status}", *headers, f"Content-Length: {len(raw)}", "", ""]
    return "\r\n".join(lines).encode() + raw


def against(said: bytes, timeout_s: float = 3.0, **options: Any) -> ProbeResult:
    with Zoo(zoo.answering(said)) as server:
        return probed(timeout_s, url=f"http://{server.address}/health", **options)


@contextmanager
def recording(said: bytes) -> Iterator[tuple[Zoo, list[bytes]]]:
    """A server that keeps what it was asked."""
    heard: list[bytes] = []

    def script(connection: socket.socket) -> None:
        heard.append(connection.recv(65_536))
        connection.sendall(said)

    with Zoo(script) as server:
        yield server, heard


WELL = [
    pytest.param({}, id="2xx by default"),
    pytest.param({"expect": {"status": [200, 404]}}, id="a list of codes"),
    pytest.param({"expect": {"status": "200-299"}}, id="a span of codes"),
    pytest.param({"expect": {"status": ["2xx", "3xx"]}}, id="classes of codes"),
    pytest.param({"expect": {"json": {"status": "ok"}}}, id="a field"),
    pytest.param({"expect": {"json": {"queue.depth": {"ge": 7, "lt": 8}}}}, id="bounds, all of which hold"),
    pytest.param(
        {"expect": {"json": {"queue.names[1]": "b", "queue.names[-1]": "b"}}}, id="an element from either end"
    ),
    pytest.param({"expect": {"json": {'["odd.key"]': None, "$.ready": True}}}, id="null, true, quoted keys and $"),
    pytest.param(
        {"expect": {"json": {"status": {"any_of": ["ok", "fine"], "matches": "^o", "length": 2, "ne": "x"}}}},
        id="the rest",
    ),
    pytest.param({"expect": {"body": '"status"', "body_absent": "error", "matches": "depth.: 7"}}, id="text"),
    pytest.param(
        {"expect": {"headers": {"x-version": "1.2", "X-Version": {"matches": r"^1\."}, "X-Debug": None}}}, id="headers"
    ),
    pytest.param({"expect": {"under": "10s", "http_version": "1.1"}}, id="time and version"),
]


@pytest.mark.parametrize("options", WELL)
def test_an_answer_as_expected_is_ok(options: dict[str, Any]) -> None:
    result = against(answer(BODY, "200 OK", "X-Version: 1.2"), **options)
    assert (result.result, result.reason) == (Result.OK, "ok"), result.sentence
    assert list(result.phases_ms) == ["dns", "tcp", "processing", "transfer"]
    assert result.latency_ms is not None
    assert result.latency_ms < 3000


WRONG = [
    pytest.param({"expect": {"status": [204]}}, "status_unexpected", "HTTP 200 OK, expected 204", id="code"),
    pytest.param({"expect": {"json": {"status": "fine"}}}, "json_mismatch", '[status] ("ok") == "fine"', id="field"),
    pytest.param(
        {"expect": {"json": {"queue.depth": {"lt": 5}}}}, "json_mismatch", "[queue.depth] (7) < 5", id="bound"
    ),
    pytest.param(
        {"expect": {"json": {"queue.gone": {"lt": 5}}}},
        "field_absent",
        "[queue.gone] (absent) < 5",
        id="absent is not zero",
    ),
    pytest.param({"expect": {"json": {"status": {"lt": 5}}}}, "json_mismatch", '("ok") < 5', id="text is not zero"),
    pytest.param({"expect": {"json": {"odd": {"ge": 0}}}}, "field_absent", "absent", id="absent is not at least zero"),
    pytest.param({"expect": {"json": {"ready": 1}}}, "json_mismatch", "(true) == 1", id="true is not one"),
    pytest.param({"expect": {"json": {"queue.names[2]": "c"}}}, "field_absent", "no such field", id="past the end"),
    pytest.param({"expect": {"json": {"status[0]": "o"}}}, "field_absent", "no such field", id="text is not a list"),
    pytest.param({"expect": {"body": "all well"}}, "text_absent", "does not contain", id="text absent"),
    pytest.param({"expect": {"body_absent": "queue"}}, "text_present", "must not", id="text present"),
    pytest.param({"expect": {"matches": "^never"}}, "pattern_unmatched", "does not match", id="pattern"),
    pytest.param({"expect": {"headers": {"X-Gone": "1"}}}, "header_absent", "no header X-Gone", id="header absent"),
    pytest.param(
        {"expect": {"headers": {"X-Version": "2"}}}, "header_mismatch", 'header [X-Version] ("1.2") == "2"', id="header"
    ),
    pytest.param({"expect": {"headers": {"X-Version": None}}}, "header_present", "must not", id="header present"),
    pytest.param({"expect": {"http_version": "2"}}, "http_version_differs", "[http_version] (1.1) == 2", id="version"),
    pytest.param({"body_limit_bytes": 20}, "body_too_long", "longer than 20 bytes", id="body over its limit"),
]


@pytest.mark.parametrize(("options", "reason", "words"), WRONG)
def test_an_answer_that_differs_fails_and_shows_the_value(options: dict[str, Any], reason: str, words: str) -> None:
    result = against(answer(BODY, "200 OK", "X-Version: 1.2"), **options)
    assert (result.result, result.reason) == (Result.FAIL, reason), result.sentence
    assert words in result.sentence


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        ("503 Service Unavailable", "status_5xx"),
        ("404 Not Found", "status_4xx"),
        ("302 Found", "status_3xx"),
        ("299 Odd", "ok"),
    ],
)
def test_codes_are_told_apart_by_their_class(status: str, reason: str) -> None:
    result = against(answer(b"database is down", status))
    assert result.reason == reason
    assert reason == "ok" or "database is down" in result.sentence


def test_what_is_not_json_says_how_it_begins() -> None:
    result = against(answer(b"<html>maintenance</html>"), expect={"json": {"status": "ok"}})
    assert (result.reason, "<html>maintenance" in result.sentence) == ("json_invalid", True)


@pytest.mark.parametrize(
    "bomb", [b"[" * 200_000, b'{"status":' * 100_000, b"9" * 10_000], ids=["lists", "objects", "digits"]
)
def test_a_json_bomb_is_not_json(bomb: bytes) -> None:
    assert against(answer(bomb), expect={"json": {"status": "ok"}}).reason in {"json_invalid", "field_absent"}


def test_a_slow_answer_warns() -> None:
    result = against(answer(b"ok"), expect={"under": "1ms"} | {"status": 200})
    slow = probed_slowly()
    assert slow.result is Result.WARN
    assert slow.reason == "slow"
    assert "expected under 50 ms" in slow.sentence
    assert result.result in {Result.OK, Result.WARN}


def probed_slowly() -> ProbeResult:
    def script(connection: socket.socket) -> None:
        connection.recv(65_536)
        threading.Event().wait(0.1)
        connection.sendall(answer(b"ok"))

    with Zoo(script) as server:
        return probed(url=f"http://{server.address}/", expect={"under": "50ms"})


def test_the_request_is_as_configured_and_its_secrets_stay_out_of_the_evidence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_KEY", "hush-hush")
    monkeypatch.setenv("API_TOKEN", "deep-secret")
    options = {
        "method": "POST",
        "body": '{"ping": 1}',
        "headers": {"X-Key": {"env": "API_KEY"}, "Content-Type": "application/json"},
        "bearer": {"env": "API_TOKEN"},
    }
    said = answer(b"you said hush-hush", "200 OK", "Set-Cookie: session=abcdef; HttpOnly")
    with recording(said) as (server, heard):
        result = probed(url=f"http://{server.address}/v1/ping?x=1", **options)
    request = heard[0].decode()
    assert request.startswith("POST /v1/ping?x=1 HTTP/1.1\r\n")
    assert "X-Key: hush-hush\r\n" in request
    assert "Authorization: Bearer deep-secret\r\n" in request
    assert "Content-Type: application/json\r\n" in request
    assert request.endswith('{"ping": 1}')
    evidence = result.evidence or ""
    assert "POST" in evidence
    assert "you said [redacted]" in evidence
    assert "session=[redacted]; HttpOnly" in evidence
    assert "hush-hush" not in evidence
    assert "deep-secret" not in evidence


def test_basic_credentials_are_sent_and_redacted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PASSWORD", "geheim")
    with recording(answer(b"bGVvOmdlaGVpbQ==")) as (server, heard):
        result = probed(url=f"http://{server.address}/", basic={"user": "leo", "password": {"env": "PASSWORD"}})
    assert b"Authorization: Basic bGVvOmdlaGVpbQ==" in heard[0]
    assert "bGVvOmdlaGVpbQ==" not in (result.evidence or "")


def test_a_rotated_secret_is_read_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    with recording(answer(b"")) as (server, heard):
        check = check_of(url=f"http://{server.address}/", bearer={"env": "API_TOKEN"})
        for token in ("first", "second"):
            monkeypatch.setenv("API_TOKEN", token)
            asyncio.run(KIND.run(check))
    assert [b"Bearer first" in heard[0], b"Bearer second" in heard[1]] == [True, True]


def test_a_server_that_says_a_token_back_is_not_quoted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("API_TOKEN", "s3cret-token")
    for body in (b"no such token: s3cret-token", b"x" * 70 + b" s3cret-token"):
        result = against(answer(body, "401 Unauthorized"), bearer={"env": "API_TOKEN"})
        assert "s3cret" not in f"{result.sentence}{result.evidence}"
        assert "[redacted]" in result.sentence


def test_a_missing_secret_is_unknown_and_says_which() -> None:
    result = probed(url="http://127.0.0.1:1/", bearer={"env": "NEVER_SET"})
    assert (result.result, result.reason) == (Result.UNKNOWN, "secret_missing")
    assert "NEVER_SET" in result.sentence


def test_an_instance_is_reached_by_address_under_the_services_name() -> None:
    with recording(answer(b"")) as (server, heard):
        probed(url="http://api.example/health", connect_to=server.address)
    assert b"\r\nHost: api.example\r\n" in heard[0]


def test_redirects_are_followed_only_when_asked() -> None:
    with Zoo(zoo.answering(answer(b"here", "200 OK"))) as last:
        moved = answer(b"", "302 Found", f"Location: http://{last.address}/")
        assert against(moved).reason == "status_3xx"
        assert against(moved, follow_redirects=True).result is Result.OK


def test_a_circle_of_redirects_is_named() -> None:
    with Zoo(zoo.answering(answer(b"", "302 Found", "Location: /again"))) as server:
        result = probed(url=f"http://{server.address}/", follow_redirects=True)
    assert result.reason == "too_many_redirects"


def test_a_redirect_out_of_http_is_not_followed() -> None:
    with Zoo(zoo.answering(answer(b"", "302 Found", "Location: file:///etc/passwd"))) as server:
        result = probed(url=f"http://{server.address}/", follow_redirects=True)
    assert result.result is Result.FAIL
    assert "root:" not in (result.evidence or "")


def test_the_environments_proxy_is_not_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    assert against(answer(b"")).result is Result.OK


def test_a_proxy_of_the_monitors_own_is_used() -> None:
    with recording(answer(b"")) as (proxy, heard):
        probed(url="http://api.example/x", proxy=f"http://{proxy.address}")
    assert heard[0].startswith(b"GET http://api.example/x HTTP/1.1")


def test_a_name_that_does_not_exist_fails_and_says_so() -> None:
    result = probed(url="http://nope.invalid/")
    assert (result.result, result.reason, result.latency_ms) == (Result.FAIL, "name_not_found", None)


TIMES = [
    pytest.param((0.0,) * 5 + (2000.0,), Result.UNKNOWN, "resolver_failed", "our resolver", id="looking up"),
    pytest.param((1.0, 0.0, 0.0, 0.0, 0.0, 2000.0), Result.FAIL, "timeout", "while connecting", id="connecting"),
    pytest.param((1.0, 2.0, 0.0, 0.0, 0.0, 2000.0), Result.FAIL, "timeout", "TLS handshake", id="shaking hands"),
    pytest.param((1.0, 2.0, 3.0, 4.0, 0.0, 2000.0), Result.FAIL, "timeout", "waiting for", id="waiting"),
    pytest.param((1.0, 2.0, 3.0, 4.0, 5.0, 2000.0), Result.FAIL, "timeout", "coming in", id="reading"),
]


@pytest.mark.parametrize(("times", "result", "reason", "words"), TIMES)
def test_a_timeout_says_where_it_waited(times: Any, result: Result, reason: str, words: str) -> None:
    options = KIND.options.model_validate({"url": "https://api.example/"})
    answer = Answer(28, "timed out", 0, b"", b"", times, "1.1", True, 0, 0, None)
    fault = exchange_fault(options, answer, 2.0, datetime.now(UTC))
    assert (fault.result, fault.reason) == (result, reason)
    assert words in fault.sentence


def tls_server(authority: Authority, days: int = 90) -> Script:
    return zoo.behind_tls(authority.context(ends=timedelta(days=days, hours=1)), zoo.answering(answer(b"{}")))


@pytest.mark.parametrize(
    ("days", "reason"),
    [
        (90, "ok"),
        (29, "certificate_expires_30d"),
        (13, "certificate_expires_14d"),
        (6, "certificate_expires_7d"),
        (0, "certificate_expires_1d"),
    ],
)
def test_a_certificate_that_ends_soon_warns_in_steps(days: int, reason: str, authority: Authority) -> None:
    with Zoo(tls_server(authority, days)) as server:
        result = probed(url=f"https://localhost:{server.port}/", connect_to=server.address, ca=str(authority.file))
    assert (result.result, result.reason) == (Result.OK if reason == "ok" else Result.WARN, reason)
    assert "tls" in result.phases_ms
    assert (result.details or {})["certificate_not_after"]


def test_a_replaced_trust_file_is_read_again(authority: Authority, tmp_path: Path) -> None:
    trust = tmp_path / "trust.pem"
    trust.write_bytes(zoo.authority(tmp_path, "Stranger").file.read_bytes())
    os.utime(trust, ns=(1, 1))

    async def twice() -> list[str]:
        check = check_of(url=f"https://localhost:{server.port}/", connect_to=server.address, ca=str(trust))
        first = await KIND.run(check)
        trust.write_bytes(authority.file.read_bytes())
        return [first.reason, (await KIND.run(check)).reason]

    with Zoo(tls_server(authority)) as server:
        assert asyncio.run(twice()) == ["certificate_untrusted", "ok"]


def test_many_checks_at_once_keep_their_answers_apart() -> None:
    async def all_at_once() -> list[ProbeResult]:
        options = {"url": f"http://{server.address}/", "expect": {"json": {"status": "ok"}}}
        checks = [Check(number, "x", "http", 5.0, 10.0, KIND.options.model_validate(options)) for number in range(60)]
        return list(await asyncio.gather(*(KIND.run(check) for check in checks)))

    with Zoo(zoo.answering(answer(BODY))) as server:
        results = asyncio.run(all_at_once())
    assert {result.result for result in results} == {Result.OK}


def test_a_cancelled_check_leaves_nothing_behind() -> None:
    async def cancel_one_and_run_another() -> ProbeResult:
        running = asyncio.create_task(KIND.run(check_of(url=f"http://{silent.address}/")))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        return await KIND.run(check_of(url=f"http://{server.address}/"))

    with Zoo(zoo.silence) as silent, Zoo(zoo.answering(answer(b""))) as server:
        assert asyncio.run(cancel_one_and_run_another()).result is Result.OK


def test_nginx_speaks_http_2_and_wants_a_client_certificate(
    start_peer: Callable[..., Nginx], authority: Authority
) -> None:
    certificate, client = authority.write("localhost"), authority.write("client")
    port = free_port()
    server = (
        f"server {{ listen 127.0.0.1:{port} ssl http2;"
        f" ssl_certificate {certificate}; ssl_certificate_key {certificate};"
        f" ssl_client_certificate {authority.file}; ssl_verify_client on; location / {{ return 200 'ok'; }} }}"
    )
    start_peer(Nginx, servers=server)
    options = {"url": f"https://localhost:{port}/", "connect_to": f"127.0.0.1:{port}", "ca": str(authority.file)}
    http2 = options | {"http_version": "2", "expect": {"http_version": "2"}}
    assert probed(**http2, client_certificate=str(client)).result is Result.OK
    assert probed(**http2).reason == "status_4xx"


def test_nginx_behind_its_health_and_its_failure(nginx: Nginx) -> None:
    well = probed(url=f"{nginx.url}/health", expect={"json": {"status": "ok"}})
    ill = probed(url=f"{nginx.url}/fail")
    assert (well.result, ill.result, ill.reason) == (Result.OK, Result.FAIL, "status_5xx")
    assert "out of service" in ill.sentence


REFUSED = [
    pytest.param({"url": "ftp://x.example/"}, "not an address", id="another scheme"),
    pytest.param({"url": "http://u:p@x.example/"}, "credentials do not belong", id="credentials in the URL"),
    pytest.param({"url": "http://x.example:99999/"}, "[Pp]ort", id="port"),
    pytest.param({"url": "http://x.example/a b"}, "space", id="a space"),
    pytest.param({"url": "http://x..example/"}, "no valid host", id="an empty label"),
    pytest.param({"connect_to": "x.example"}, "no valid port", id="no port"),
    pytest.param({"connect_to": "::1:80"}, "brackets", id="IPv6 without brackets"),
    pytest.param({"bearer": "plain"}, "env: NAME", id="a secret in the file"),
    pytest.param({"body": "x"}, "has no body", id="a GET with a body"),
    pytest.param({"headers": {"X Y": "1"}}, "not a header name", id="header name"),
    pytest.param({"headers": {"X": "1\r\nY: 2"}}, "line break", id="header injection"),
    pytest.param({"expect": {"status": ["ok"]}}, "not a status", id="status"),
    pytest.param({"expect": {"json": {"a..b": 1}}}, "not a JSON path", id="path"),
    pytest.param({"expect": {"json": {"a": {}}}}, "at least one of", id="no comparison"),
    pytest.param({"expect": {"matches": "("}}, "regular expression", id="pattern"),
    pytest.param({"expect": {"statu": 200}}, "Extra inputs", id="unknown key"),
    pytest.param(
        {"follow_redirects": True, "headers": {"X": {"env": "K"}}}, "follow a redirect", id="secrets on redirects"
    ),
    pytest.param({"client_key": "/k.pem"}, "needs client_certificate", id="a key alone"),
]


@pytest.mark.parametrize(("options", "words"), REFUSED)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        KIND.options.model_validate({"url": "http://x.example/"} | options)


def test_options_survive_being_stored() -> None:
    options = {
        "url": "https://x.example/", "connect_to": "[::1]:443", "bearer": {"env": "K"}, "ca": "/ca.pem",
        "expect": {"status": ["2xx"], "json": {"a.b": {"lt": 3}, "c": None}, "under": "800ms"},
    }  # fmt: skip
    model = KIND.options.model_validate(options)
    stored = model.model_dump(mode="json", by_alias=True, exclude_unset=True)
    assert KIND.options.model_validate(json.loads(json.dumps(stored))) == model


@given(
    st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: st.dictionaries(st.text(min_size=1), inner) | st.lists(inner),
    ),
    st.text(),
)
def test_no_path_breaks_the_reading_of_any_document(document: Any, path: str) -> None:
    try:
        steps(path)
    except ValueError:
        return
    with suppress(FieldAbsentError):
        resolve(document, path)
