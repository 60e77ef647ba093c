"""The tcp, tls and redis kinds: scripted dialogues, handshakes alone, and a real Redis."""

from __future__ import annotations

import asyncio
import ssl
from typing import Any

import pytest
from pydantic import ValidationError
from redis import Redis as Client

from monitors.probes import KINDS, Check
from monitors.reasons import REASONS
from monitors.results import ProbeResult, Result
from tests import zoo
from tests.peers import Redis
from tests.zoo import Authority, Zoo


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return zoo.authority(tmp_path_factory.mktemp("authority"))


def probed(kind: str, address: str, timeout_s: float = 2.0, **options: Any) -> ProbeResult:
    port = address.rpartition(":")[2]
    model = KINDS[kind].options.model_validate({"address": f"localhost:{port}", "connect_to": address} | options)
    result = asyncio.run(KINDS[kind].run(Check(1, kind, kind, timeout_s, 10.0, model)))
    assert result.reason in REASONS
    return result


ECHO = zoo.dialogue(b"READY 1.2\r\n", (b"PING", b"PONG\r\n"), (b"STATS", b"a 1\r\nb 2\r\nEND\r\n"))


def test_a_port_that_accepts_is_ok() -> None:
    with Zoo(zoo.silence) as server:
        result = probed("tcp", server.address)
    assert (result.result, list(result.phases_ms)) == (Result.OK, ["dns", "tcp"])


def test_a_scripted_dialogue_reads_over_lines_and_keeps_what_follows_a_match() -> None:
    steps = [
        {"expect": r"^READY \d"},
        {"send": "STATS\r\n"},
        {"expect": "b 2"},
        {"expect": "END"},
        {"send": "PING\r\n"},
        {"expect": "PONG"},
    ]
    with Zoo(ECHO) as server:
        assert probed("tcp", server.address, dialogue=steps).result is Result.OK


def test_an_unexpected_answer_shows_what_was_heard() -> None:
    with Zoo(ECHO) as server:
        result = probed("tcp", server.address, 0.5, dialogue=[{"send": "PING\r\n"}, {"expect": "WELL"}])
    assert (result.result, result.reason) == (Result.FAIL, "expect_unmatched")
    assert "READY 1.2 PONG" in result.sentence


def test_tls_can_start_in_the_middle_or_at_the_beginning(authority: Authority) -> None:
    steps = [
        {"expect": "220"}, {"send": "EHLO x\r\n"}, {"expect": "STARTTLS"},
        {"send": "STARTTLS\r\n"}, {"expect": "go ahead\r\n"}, {"starttls": True}, {"expect": "inside"},
    ]  # fmt: skip
    context = authority.context()
    with Zoo(zoo.after_starttls(context, zoo.saying(b"inside\r\n"))) as server:
        assert probed("tcp", server.address, dialogue=steps, ca=str(authority.file)).result is Result.OK
    with Zoo(zoo.behind_tls(context, zoo.saying(b"inside\r\n"))) as server:
        result = probed("tcp", server.address, tls=True, dialogue=[{"expect": "inside"}], ca=str(authority.file))
    assert result.result is Result.OK
    assert list(result.phases_ms) == ["dns", "tcp", "tls", "processing"]


def test_a_handshake_alone_tells_version_and_end(authority: Authority) -> None:
    with Zoo(zoo.behind_tls(authority.context(), zoo.silence)) as server:
        result = probed("tls", server.address, ca=str(authority.file))
    assert result.result is Result.OK
    assert "TLSv1.3, certificate valid until 20" in result.sentence


def test_an_older_version_than_wanted_warns(authority: Authority) -> None:
    context = authority.context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with Zoo(zoo.behind_tls(context, zoo.silence)) as server:
        result = probed("tls", server.address, ca=str(authority.file), least_version="1.3")
    assert (result.result, result.reason) == (Result.WARN, "tls_old")


def test_unreadable_files_of_ours_are_unknown() -> None:
    with Zoo(zoo.silence) as server:
        result = probed("tls", server.address, ca="/no/such/file.pem")
    assert (result.result, result.reason) == (Result.UNKNOWN, "trust_unusable")


@pytest.mark.parametrize("kind", ["tcp", "tls", "smtp", "redis"])
def test_a_resolver_of_ours_that_hangs_is_unknown(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(*_: object) -> str:
        await asyncio.Event().wait()
        raise AssertionError

    monkeypatch.setattr("monitors.probes.opening.look_up", hang)
    result = probed(kind, "localhost:1", 0.2)
    assert (result.result, result.reason) == (Result.UNKNOWN, "resolver_failed")


INFO = (
    "redis_version:7.0\r\nrole:master\r\nconnected_clients:3\r\nmaxclients:10\r\n"
    "used_memory:50\r\nmaxmemory:100\r\nevicted_keys:0\r\n"
)


def redis_saying(info: str) -> zoo.Script:
    raw = info.encode()
    bulk = b"$%d\r\n%s\r\n" % (len(raw), raw)
    return zoo.dialogue(b"", (b"PING", b"+PONG\r\n"), (b"INFO", bulk), (b"*", b""), (b"$", b""))


ROWS = [
    pytest.param("", {}, Result.OK, "ok", id="well"),
    pytest.param("used_memory:95\r\n", {}, Result.WARN, "memory_high", id="memory"),
    pytest.param("connected_clients:9\r\n", {}, Result.WARN, "connections_high", id="clients"),
    pytest.param("evicted_keys:4\r\n", {}, Result.OK, "ok", id="a cache may evict"),
    pytest.param("evicted_keys:4\r\n", {"may_evict": False}, Result.FAIL, "keys_evicted", id="a queue may not"),
    pytest.param(
        "maxmemory_policy:allkeys-lru\r\n", {"may_evict": False}, Result.WARN, "eviction_allowed", id="it could"
    ),
    pytest.param("role:slave\r\nmaster_link_status:down\r\n", {}, Result.FAIL, "replica_detached", id="replica"),
    pytest.param("rdb_last_bgsave_status:err\r\n", {}, Result.WARN, "save_failed", id="save"),
]


@pytest.mark.parametrize(("more", "options", "result", "reason"), ROWS)
def test_info_is_judged(more: str, options: dict[str, Any], result: Result, reason: str) -> None:
    with Zoo(redis_saying(INFO + more)) as server:
        found = probed("redis", server.address, **options)
    assert (found.result, found.reason) == (result, reason), found


def test_a_real_redis_answers_and_its_password_is_asked_for(
    redis_server: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = f"127.0.0.1:{redis_server.port}"
    assert probed("redis", address).result is Result.OK
    with Client.from_url(redis_server.url) as client:
        client.config_set("requirepass", "open sesame")
    try:
        assert probed("redis", address).reason == "auth_failed"
        monkeypatch.setenv("REDIS_PASSWORD", "open sesame")
        signed_in = probed("redis", address, password={"env": "REDIS_PASSWORD"})
        assert signed_in.result is Result.OK
        assert "open sesame" not in (signed_in.evidence or "")
    finally:
        with Client.from_url(redis_server.url, password="open sesame") as client:
            client.config_set("requirepass", "")


REFUSED = [
    pytest.param("tcp", {"dialogue": [{}]}, "exactly one", id="an empty step"),
    pytest.param("tcp", {"tls": True, "dialogue": [{"starttls": True}]}, "only once", id="TLS twice"),
    pytest.param("tls", {"least_version": "1.0"}, "1.2", id="obsolete"),
    pytest.param("redis", {"max_memory_pct": 200}, "less than or equal to 100", id="200 %"),
]


@pytest.mark.parametrize(("kind", "options", "words"), REFUSED)
def test_options_that_make_no_sense_are_refused(kind: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        KINDS[kind].options.model_validate({"address": "x.example:1"} | options)
