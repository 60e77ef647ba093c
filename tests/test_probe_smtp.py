"""The smtp kind: the dialogue phase by phase, every refusal told apart, and Postfix as the real thing."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from monitors.evidence import Transcript
from monitors.probes import KINDS, Check
from monitors.probes.faults import Fault
from monitors.probes.smtp.replies import Reply, read_reply
from monitors.reasons import REASONS
from monitors.results import ProbeResult, Result
from monitors.wire import ClosedError, WireError
from tests import zoo
from tests.peers import Postfix
from tests.waiting import wait_until
from tests.zoo import Authority, Script, Zoo

KIND = KINDS["smtp"]
PHASES = ["dns", "tcp", "banner", "ehlo", "starttls", "tls", "ehlo_tls", "mail", "rcpt", "rcpt_bad", "rset", "quit"]
MAIL = {"canary": "canary@mail.test", "known_bad": "someone@elsewhere.test", "mail_from": "probe@mail.test"}


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return zoo.authority(tmp_path_factory.mktemp("authority"))


def probed(address: str, timeout_s: float = 3.0, **options: Any) -> ProbeResult:
    port = address.rpartition(":")[2]
    options = {"address": f"localhost:{port}", "connect_to": address} | options
    result = asyncio.run(KIND.run(Check(1, "smtp", "smtp", timeout_s, 10.0, KIND.options.model_validate(options))))
    assert result.reason in REASONS
    return result


# Replies


class Lines:
    """A wire that holds these lines."""

    def __init__(self, *lines: bytes) -> None:
        self._lines = iter(lines)

    def line_at_hand(self) -> None:
        return None

    async def line(self) -> bytes:
        try:
            return next(self._lines)
        except StopIteration as error:
            raise ClosedError from error


def read(*lines: bytes) -> Reply:
    return asyncio.run(read_reply(Lines(*lines), Transcript()))  # type: ignore[arg-type]


REPLIES = [
    pytest.param([b"250 OK\r\n"], Reply(250, ("OK",)), id="one line"),
    pytest.param([b"250-a\r\n", b"250 b\r\n"], Reply(250, ("a", "b")), id="two lines"),
    pytest.param([b"250\r\n"], Reply(250, ("",)), id="a bare code"),
    pytest.param([b"250-a\r\n", b"250\r\n"], Reply(250, ("a", "")), id="a bare code at the end"),
    pytest.param([b"250 bare line feed\n"], Reply(250, ("bare line feed",)), id="a bare line feed"),
    pytest.param([b"550 5.7.1 \xff\r\n"], Reply(550, ("5.7.1 �",)), id="not UTF-8"),
]


@pytest.mark.parametrize(("lines", "reply"), REPLIES)
def test_replies_are_read_as_rfc_5321_says(lines: list[bytes], reply: Reply) -> None:
    assert read(*lines) == reply


def test_the_last_capability_counts_like_any_other() -> None:
    reply = read(
        b"250-mx.test at your service\r\n", b"250-auth=LOGIN PLAIN\r\n", b"250-SIZE 1000\r\n", b"250 STARTTLS\r\n"
    )
    assert reply.extensions() == {"AUTH", "SIZE", "STARTTLS"}


@given(st.lists(st.binary(max_size=40).map(lambda raw: raw.replace(b"\n", b"") + b"\r\n"), max_size=200))
def test_whatever_is_said_ends_in_a_reply_or_a_typed_fault(lines: list[bytes]) -> None:
    with suppress(Fault, WireError):
        assert 200 <= read(*lines).code <= 599


def test_a_reply_without_end_is_cut_off() -> None:
    with pytest.raises(Fault, match="more than"):
        read(*[b"250-again\r\n"] * 1000)


# Dialogues


def server(context: Any, *answers: tuple[bytes, bytes]) -> Script:
    """An SMTP server with STARTTLS; `answers` come before the usual ones."""
    usual = (
        (b"EHLO", b"250-zoo\r\n250-SIZE 1000\r\n250 AUTH PLAIN LOGIN\r\n"),
        (b"MAIL", b"250 ok\r\n"),
        (b"RCPT TO:<CANARY", b"250 ok\r\n"),
        (b"RCPT", b"550 5.7.1 no relay\r\n"),
        (b"RSET", b"250 ok\r\n"),
        (b"QUIT", b"221 bye\r\n"),
    )
    return zoo.after_starttls(context, zoo.dialogue(b"", *answers, *usual))


def test_every_phase_is_timed_in_order(authority: Authority) -> None:
    with Zoo(server(authority.context())) as one:
        result = probed(one.address, ca=str(authority.file), **MAIL)
    assert (result.result, result.reason) == (Result.OK, "ok"), result
    assert list(result.phases_ms) == PHASES
    assert result.latency_ms is not None
    assert sum(result.phases_ms.values()) <= result.latency_ms + 1
    assert "> RCPT TO:<someone@elsewhere.test>" in (result.evidence or "")
    assert "550 5.7.1 no relay" in (result.evidence or "")


ANSWERS = [
    pytest.param(
        (b"MAIL", b"451 4.3.0 try later\r\n"), Result.WARN, "smtp_4xx", "451 4.3.0 try later", id="MAIL deferred"
    ),
    pytest.param(
        (b"RCPT TO:<C", b"450 greylisted\r\n"), Result.WARN, "smtp_4xx", "450 greylisted", id="canary deferred"
    ),
    pytest.param(
        (b"RCPT TO:<C", b"550 unknown user\r\n"), Result.FAIL, "smtp_5xx", "550 unknown user", id="canary refused"
    ),
    pytest.param((b"RCPT TO:<S", b"250 welcome\r\n"), Result.FAIL, "open_relay", "must refuse", id="an open relay"),
    pytest.param(
        (b"RCPT TO:<S", b"450 later\r\n"), Result.OK, "ok", "canary", id="a bad recipient deferred is not accepted"
    ),
    pytest.param((b"RSET", b"354 what\r\n"), Result.FAIL, "smtp_protocol", "354 what", id="a code that makes no sense"),
    pytest.param((b"EHLO", b"502 not here\r\n"), Result.FAIL, "smtp_5xx", "502", id="EHLO refused after TLS"),
    pytest.param((b"QUIT", b""), Result.OK, "ok", "canary", id="no goodbye"),
]


@pytest.mark.parametrize(("answer", "result", "reason", "words"), ANSWERS)
def test_each_refusal_is_told_apart(
    answer: tuple[bytes, bytes], result: Result, reason: str, words: str, authority: Authority
) -> None:
    with Zoo(server(authority.context(), answer)) as one:
        found = probed(one.address, ca=str(authority.file), **MAIL)
    assert (found.result, found.reason) == (result, reason), found
    assert words in found.sentence


def test_a_lost_extension_warns_and_starttls_is_not_missed_after_tls(authority: Authority) -> None:
    with Zoo(server(authority.context())) as one:
        well = probed(one.address, ca=str(authority.file), extensions=["size", "starttls", "AUTH"])
        lost = probed(one.address, ca=str(authority.file), extensions=["SIZE", "DSN", "CHUNKING"])
    assert well.result is Result.OK
    assert (lost.result, lost.reason) == (Result.WARN, "extension_lost")
    assert "CHUNKING, DSN" in lost.sentence


@pytest.mark.parametrize("mechanism", ["plain", "login"])
def test_signing_in_works_and_stays_out_of_the_evidence(
    mechanism: str, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "correct horse")
    token, user, password = (base64.b64encode(word) for word in (b"\0ada\0correct horse", b"ada", b"correct horse"))
    answers = [
        (b"AUTH PLAIN " + token.upper(), b"235 welcome\r\n"),
        (b"AUTH LOGIN", b"334 VXNlcm5hbWU6\r\n"),
        (user.upper(), b"334 UGFzc3dvcmQ6\r\n"),
        (password.upper(), b"235 welcome, correct horse\r\n"),
    ]
    auth = {"user": "ada", "password": {"env": "SMTP_PASSWORD"}, "mechanism": mechanism}
    with Zoo(server(authority.context(), *answers)) as one:
        result = probed(one.address, ca=str(authority.file), auth=auth)
    assert (result.result, result.reason) == (Result.OK, "ok"), result
    assert "auth" in result.phases_ms
    evidence = result.evidence or ""
    assert "[redacted]" in evidence
    assert not any(secret in evidence for secret in ("correct horse", token.decode(), password.decode()))


def test_a_refused_password_fails_by_name(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "wrong")
    with Zoo(server(authority.context(), (b"AUTH", b"535 5.7.8 bad credentials\r\n"))) as one:
        auth = {"user": "ada", "password": {"env": "SMTP_PASSWORD"}}
        result = probed(one.address, ca=str(authority.file), auth=auth)
    assert (result.result, result.reason) == (Result.FAIL, "auth_failed")
    assert "ada" in result.sentence


def test_a_server_that_says_a_password_back_is_not_quoted(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "correct horse")
    with Zoo(server(authority.context(), (b"AUTH", b"535 5.7.8 not correct horse\r\n"))) as one:
        result = probed(one.address, ca=str(authority.file), auth={"user": "ada", "password": {"env": "SMTP_PASSWORD"}})
    assert "535 5.7.8 not [redacted]" in result.sentence


def test_without_starttls_a_password_is_never_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SMTP_PASSWORD", "x")
    with Zoo(zoo.dialogue(b"220 zoo\r\n", (b"EHLO", b"250-zoo\r\n250 AUTH PLAIN\r\n"))) as one:
        result = probed(one.address, auth={"user": "ada", "password": {"env": "SMTP_PASSWORD"}})
    assert result.reason == "starttls_missing"
    assert "AUTH PLAIN [" not in (result.evidence or "")


def test_tls_from_the_first_byte(authority: Authority) -> None:
    talk = zoo.dialogue(b"220 zoo\r\n", (b"EHLO", b"250 zoo\r\n"), (b"QUIT", b"221 bye\r\n"))
    with Zoo(zoo.behind_tls(authority.context(), talk)) as one:
        result = probed(one.address, ca=str(authority.file), implicit_tls=True)
    assert result.result is Result.OK
    assert list(result.phases_ms) == ["dns", "tcp", "tls", "banner", "ehlo", "quit"]


@pytest.mark.parametrize("starttls", ["optional", "off", False])
def test_plain_text_where_it_is_allowed(starttls: Any) -> None:
    with Zoo(zoo.dialogue(b"220 zoo\r\n", (b"EHLO", b"250 zoo\r\n"), (b"QUIT", b"221 bye\r\n"))) as one:
        assert probed(one.address, starttls=starttls).result is Result.OK


def test_a_slow_banner_warns() -> None:
    def script(connection: Any) -> None:
        threading.Event().wait(0.15)
        zoo.dialogue(b"220 zoo\r\n", (b"EHLO", b"250 zoo\r\n"), (b"QUIT", b"221 bye\r\n"))(connection)

    with Zoo(script) as one:
        result = probed(one.address, starttls="off", banner_under="100ms")
    assert (result.result, result.reason) == (Result.WARN, "banner_slow")


def test_a_certificate_that_ends_soon_warns(authority: Authority) -> None:
    with Zoo(server(authority.context(ends=timedelta(days=6)))) as one:
        result = probed(one.address, ca=str(authority.file))
    assert (result.result, result.reason) == (Result.WARN, "certificate_expires_7d")


# Postfix


def test_postfix_passes_the_whole_dialogue(postfix: Postfix) -> None:
    options = {"server_name": "mx.mail.test", "ca": str(postfix.ca_file)}
    result = probed(
        f"127.0.0.1:{postfix.port}", canary="canary@mail.test", extensions=["PIPELINING", "STARTTLS"], **options
    )
    assert (result.result, result.reason) == (Result.OK, "ok"), result
    assert (result.details or {})["banner"].startswith("mx.mail.test ESMTP")


def test_postfix_under_another_name_has_the_wrong_certificate(postfix: Postfix) -> None:
    result = probed(f"127.0.0.1:{postfix.port}", server_name="smtp.example", ca=str(postfix.ca_file))
    assert (result.result, result.reason) == (Result.FAIL, "certificate_wrong_name")
    assert "mx.mail.test" in result.sentence


def test_postfix_that_nobody_here_trusts(postfix: Postfix) -> None:
    result = probed(f"127.0.0.1:{postfix.port}", server_name="mx.mail.test")
    assert (result.result, result.reason) == (Result.FAIL, "certificate_self_signed")


def test_postfix_stopped_is_refused(start_peer: Callable[..., Postfix]) -> None:
    postfix = start_peer(Postfix)
    address = f"127.0.0.1:{postfix.port}"
    postfix.halt()
    wait_until(lambda: probed(address).reason == "refused", reason="the last of its processes let go of the port")


REFUSED = [
    pytest.param({"address": "mx.test"}, "no valid port", id="no port"),
    pytest.param({"canary": "nobody"}, "not a mail address", id="no domain"),
    pytest.param({"canary": "a@b>\r\nDATA"}, "not a mail address", id="injection"),
    pytest.param({"helo": "a b"}, "not a name", id="helo"),
    pytest.param({"starttls": "maybe"}, "required", id="starttls"),
    pytest.param(
        {"auth": {"user": "a", "password": {"env": "P"}}, "starttls": "optional"}, "in the clear", id="open auth"
    ),
    pytest.param({"auth": {"user": "a", "password": "p"}}, "env: NAME", id="a password in the file"),
]


@pytest.mark.parametrize(("options", "words"), REFUSED)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        KIND.options.model_validate({"address": "mx.test:25"} | options)
