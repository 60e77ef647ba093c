"""Evidence is readable, storable, free of credentials and of bounded size; certificates are told in words."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.certificates import Certificate, expiry_warning, verification_fault, words_for
from monitors.evidence import REDACTED, Transcript, capped, excerpt, printable, redacted
from monitors.results import EVIDENCE_LIMIT_BYTES

NOW = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)


@given(st.binary(max_size=300) | st.text(max_size=300))
def test_whatever_came_is_printable_and_storable(raw: bytes | str) -> None:
    text = printable(raw)
    assert "\x00" not in text
    assert "\x1b" not in text
    text.encode()  # no lone surrogates


@given(st.text(max_size=3000), st.integers(100, 2000))
def test_what_is_capped_fits_and_begins_alike(text: str, limit: int) -> None:
    cut = capped(text, limit)
    assert len(cut.encode()) <= max(limit, 0)
    assert cut[:10] == text[:10] or len(text.encode()) > limit


def test_a_cut_says_how_much_is_missing() -> None:
    assert capped("x" * 20_000).endswith("more bytes]")


@given(st.text(min_size=1, max_size=30), st.text(max_size=50), st.text(max_size=50))
def test_a_secret_does_not_survive_in_plain_form_or_base64(secret: str, before: str, after: str) -> None:
    encoded = base64.b64encode(secret.encode()).decode()
    if secret in REDACTED or encoded in REDACTED:
        return
    text = redacted(f"{before}|{secret}|{encoded}|{after}", [secret])
    assert f"|{secret}|" not in text
    assert f"|{encoded}|" not in text


@given(st.text(min_size=12, max_size=30), st.binary(max_size=9), st.binary(max_size=9))
def test_a_secret_is_found_inside_other_base64(secret: str, before: bytes, after: bytes) -> None:
    encoded = base64.b64encode(before + secret.encode() + after).decode()
    for form in (encoded, encoded.translate(str.maketrans("+/", "-_"))):
        assert REDACTED in redacted(f"Authorization: Basic {form}", [secret])


@pytest.mark.parametrize(
    "said",
    [
        pytest.param("/?key=p%C3%A4ss%20w%2Frd%2B1&x=1", id="a query"),
        pytest.param("key=p%C3%A4ss+w%2Frd%2B1", id="a form"),
        pytest.param("bad token xpäss w/rd+1x", id="inside a word"),
        pytest.param("bad token päss w…", id="cut off by an excerpt"),
    ],
)
def test_a_secret_is_taken_out_as_it_goes_over_a_wire(said: str) -> None:
    assert redacted(said, ["päss w/rd+1"]).count(REDACTED) == 1


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(json.dumps({"bad": 'p"ä&s/1'}), id="JSON"),
        pytest.param(json.dumps({"bad": 'p"ä&s/1'}, ensure_ascii=False), id="JSON beyond ASCII"),
        pytest.param('{"bad": "p\\"ä&s\\/1"}', id="JSON with its slashes escaped"),
        pytest.param("<p>bad p&quot;ä&amp;s/1</p>", id="HTML"),
    ],
)
def test_a_secret_is_taken_out_as_an_answer_quotes_it(said: str) -> None:
    assert redacted(said, ['p"ä&s/1']).count(REDACTED) == 1


def test_a_short_secret_does_not_take_all_base64_along() -> None:
    encoded = base64.b64encode(b"-abc-abc-").decode()
    assert redacted(encoded, ["abc"]) == encoded


def test_a_longer_secret_is_taken_out_before_a_part_of_it() -> None:
    assert redacted("user:pass", ["pass", "user:pass"]) == REDACTED


def test_an_excerpt_is_one_line_of_bounded_length() -> None:
    assert excerpt(b"one\r\n\ttwo\x00" + b"x" * 500, 20) == "one two\\x00xxxxxxxx…"


def test_a_transcript_marks_who_spoke_line_by_line() -> None:
    transcript = Transcript()
    transcript.remark("connected")
    transcript.sent("EHLO me")
    transcript.heard(b"250-one\r\n250 two\r\n")
    lines = [line[9:] for line in transcript.text().splitlines()]
    assert lines == ["* connected", "> EHLO me", "< 250-one", "< 250 two"]


def test_a_transcript_of_endless_talk_is_bounded() -> None:
    transcript = Transcript()
    for _ in range(10_000):
        transcript.heard(b"\xff" * 100)
    assert len(transcript.text().encode()) <= EVIDENCE_LIMIT_BYTES


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(seconds=40), "40 s"),
        (timedelta(minutes=8, seconds=5), "8 min"),
        (-timedelta(minutes=8), "8 min"),
        (timedelta(minutes=119), "119 min"),
        (timedelta(hours=5), "5 h"),
        (timedelta(hours=47), "47 h"),
        (timedelta(days=12), "12 d"),
    ],
)
def test_spans_are_said_as_people_say_them(span: timedelta, words: str) -> None:
    assert words_for(span) == words


@pytest.mark.parametrize(
    ("left_days", "warn_days", "reason"),
    [
        (31, 30, None),
        (30, 30, "certificate_expires_30d"),
        (14, 30, "certificate_expires_14d"),
        (7, 30, "certificate_expires_7d"),
        (1, 30, "certificate_expires_1d"),
        (13, 7, None),  # certificates of six days warn only as configured
        (40, 60, "certificate_expires"),
    ],
)
def test_each_step_before_the_end_has_its_reason(left_days: int, warn_days: int, reason: str | None) -> None:
    warning = expiry_warning(NOW + timedelta(days=left_days), NOW, timedelta(days=warn_days))
    assert (warning and warning[0]) == reason


def test_a_leaf_in_order_below_an_expired_authority_is_not_blamed() -> None:
    leaf = Certificate("x", "CA", ("x",), NOW - timedelta(days=1), NOW + timedelta(days=1), "1")
    reason, sentence = verification_fault(10, "certificate has expired", "x", leaf, NOW)
    assert (reason, sentence) == ("certificate_expired", "a certificate of the chain has expired")
