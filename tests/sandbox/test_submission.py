"""Mail taken by SMTP: stored before 250, refused where it must be, never for strangers to relay."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from monitors.sandbox.plan import BAD_RECIPIENT, GOOD_RECIPIENT, SMTP_NAME, SMTP_PASSWORD, SMTP_USER
from tests.sandbox.running import Sandbox, eventually

MESSAGE = "From: app@sandbox.test\r\nSubject: by SMTP\r\nX-Tag: canary\r\n\r\n.dots stay\r\n"


@contextmanager
def conversation(sandbox: Sandbox, instance: str = "smtp-1", *, is_logged_in: bool = True) -> Iterator[smtplib.SMTP]:
    at = sandbox.plan.instance(instance).endpoint
    with smtplib.SMTP(at.host, at.port, local_hostname="client.test", timeout=10) as client:
        client._host = SMTP_NAME  # type: ignore[attr-defined]  # the name to check the certificate by
        client.starttls(context=ssl.create_default_context(cafile=sandbox.ca_file))
        client.ehlo()
        if is_logged_in:
            client.login(SMTP_USER, SMTP_PASSWORD)
        yield client


@pytest.mark.parametrize("instance", ["smtp-1", "smtp-2"])
def test_mail_by_smtp_with_starttls_arrives_once(sandbox: Sandbox, instance: str) -> None:
    with conversation(sandbox, instance) as client:
        client.mail("app@sandbox.test")
        client.rcpt("reader@elsewhere.test")
        code, words = client.data(MESSAGE)
    number = int(words.split()[-1])
    assert code == 250
    eventually(lambda: sandbox.arrivals(number) == 1)
    (stored,) = [one for one in messages(sandbox) if one["id"] == number]
    assert (stored["via"], stored["accepted_by"], stored["tag"]) == ("smtp", instance, "canary")


def messages(sandbox: Sandbox) -> list[dict[str, object]]:
    with sandbox.api() as session:
        found: list[dict[str, object]] = session.get("https://api.sandbox.test/messages").json()["messages"]
    return found


@pytest.mark.parametrize(
    ("recipient", "is_logged_in", "code"),
    [
        pytest.param(GOOD_RECIPIENT, False, 250, id="own domain, from anybody"),
        pytest.param(BAD_RECIPIENT, False, 550, id="unknown user"),
        pytest.param(BAD_RECIPIENT, True, 550, id="unknown user, logged in"),
        pytest.param("reader@elsewhere.test", False, 530, id="no relay for strangers"),
        pytest.param("reader@elsewhere.test", True, 250, id="relay for customers"),
        pytest.param("reader@nowhere.invalid", True, 550, id="a domain that cannot be"),
    ],
)
def test_recipients_are_judged_before_data(sandbox: Sandbox, recipient: str, is_logged_in: bool, code: int) -> None:
    with conversation(sandbox, is_logged_in=is_logged_in) as client:
        client.mail("app@sandbox.test")
        assert client.rcpt(recipient)[0] == code


def test_a_wrong_password_is_refused(sandbox: Sandbox) -> None:
    with conversation(sandbox, is_logged_in=False) as client, pytest.raises(smtplib.SMTPAuthenticationError):
        client.login(SMTP_USER, "wrong")


def test_offline_smtp_accepts_and_keeps(sandbox: Sandbox) -> None:
    sandbox.mode("offline")
    before = sandbox.totals()
    with conversation(sandbox) as client:
        client.sendmail("app@sandbox.test", ["reader@elsewhere.test"], MESSAGE)
    after = sandbox.totals()
    assert (after["queued"], after["sent"]) == (before["queued"] + 1, before["sent"])


def test_tempfail_is_told_before_data_and_mended(sandbox: Sandbox) -> None:
    sandbox.break_("smtp-tempfail", "smtp-1")
    with conversation(sandbox) as client:
        assert client.mail("app@sandbox.test")[0] == 451
    with conversation(sandbox, "smtp-2") as client:
        assert client.mail("app@sandbox.test")[0] == 250
    sandbox.mend("smtp-tempfail")
    with conversation(sandbox) as client:
        assert client.mail("app@sandbox.test")[0] == 250


def test_an_expired_certificate_is_served_to_new_conversations_until_mended(sandbox: Sandbox) -> None:
    sandbox.break_("expired-certificate", "smtp-1")
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"), conversation(sandbox):
        pass
    sandbox.mend("expired-certificate")
    with conversation(sandbox) as client:
        assert client.noop()[0] == 250
