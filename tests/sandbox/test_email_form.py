"""What `POST /email` takes and refuses, and that nothing at all makes it stumble."""

from __future__ import annotations

import email
import email.policy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from monitors.sandbox.email_form import Email
from monitors.sandbox.plan import API_NAME
from tests.sandbox.running import Sandbox

GOOD = {"from": "app@sandbox.test", "to": "reader@elsewhere.test", "subject": "Grüße", "text": "hello\n.dot\n"}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.fixed_dictionaries(
    {},
    optional={
        "from": st.just("app@sandbox.test") | JSON,
        "to": st.just("reader@elsewhere.test") | st.lists(st.emails(), max_size=3) | JSON,
        "subject": st.text() | JSON,
        "text": st.text() | JSON,
        "tag": st.text() | JSON,
    },
)


def test_a_message_survives_its_way_into_mail() -> None:
    mail = Email.model_validate(GOOD).as_mail()
    parsed = email.message_from_bytes(mail.content, policy=email.policy.default)
    assert (mail.sender, mail.recipients) == ("app@sandbox.test", ["reader@elsewhere.test"])
    assert (parsed["subject"], parsed.get_content()) == ("Grüße", "hello\n.dot\n")


@given(FIELDS)
def test_anything_is_taken_whole_or_refused_by_field(content: dict[str, Any]) -> None:
    try:
        mail = Email.model_validate(content).as_mail()
    except ValidationError as error:
        assert error.errors()  # noqa: PT017 - either way is right
    else:
        assert mail.recipients
        assert not any(mark in f"{mail.subject}{mail.tag}{mail.sender}" for mark in "\0\r\n")


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        pytest.param("{", 400, None, id="not JSON"),
        pytest.param(json.dumps([]), 422, "", id="not an object"),
        pytest.param(json.dumps(GOOD | {"to": []}), 422, "to", id="nobody to write to"),
        pytest.param(json.dumps(GOOD | {"to": ["a@b", "c"]}), 422, "to.1", id="not an address"),
        pytest.param(json.dumps(GOOD | {"to": "a@b\n"}), 422, "to.0", id="an address and more"),
        pytest.param(json.dumps(GOOD | {"subject": "a\r\nBcc: x@y"}), 422, "subject", id="header injection"),
        pytest.param(json.dumps(GOOD | {"subject": "\0"}), 422, "subject", id="a NUL, which no database stores"),
        pytest.param(json.dumps(GOOD | {"subject": "\ud800"}), 400, "", id="half a character"),
        pytest.param(json.dumps(GOOD | {"form": "typo"}), 422, "form", id="unknown field"),
        pytest.param("9" * 5000, 400, "", id="a number longer than Python reads"),
        pytest.param("[" * 100_000, 400, "", id="deeper than any stack"),
        pytest.param('"' + "x" * 1_100_000, 413, None, id="too large"),
    ],
)
def test_refusals_name_the_field(sandbox: Sandbox, body: str, status: int, field: str | None) -> None:
    before = sandbox.totals()["accepted"]
    with sandbox.api() as session:
        reply = session.post(f"https://{API_NAME}/email", body, timeout=5)
    assert reply.status_code == status
    assert sandbox.totals()["accepted"] == before
    if field is not None:
        assert reply.json()["problems"][0]["field"] == field


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        pytest.param("GET", "/nothing", 404, id="no such page"),
        pytest.param("DELETE", "/email", 405, id="wrong method"),
        pytest.param("GET", "/messages?limit=0", 422, id="limit below one"),
        pytest.param("GET", "/messages?limit=x", 422, id="limit not a number"),
        pytest.param("HEAD", "/health", 200, id="HEAD as GET"),
    ],
)
def test_other_requests_get_the_status_they_deserve(sandbox: Sandbox, method: str, path: str, status: int) -> None:
    with sandbox.api() as session:
        assert session.request(method, f"https://{API_NAME}{path}", timeout=5).status_code == status
