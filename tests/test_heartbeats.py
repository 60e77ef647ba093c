"""Heartbeats: what calls of a job amount to, the door that they come in by, and the probe that reads them."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from monitors.heartbeat_keys import heartbeat_key, read_key
from monitors.heartbeats import Heard, Schedule, judged
from monitors.models import HeartbeatSignal, Monitor
from monitors.probes import KINDS, Check
from monitors.reasons import REASONS
from monitors.results import ProbeResult, Result
from monitors.services.heartbeats import NOTE_LIMIT_BYTES, SIGNALS_KEPT
from statuspage.roles import Role
from statuspage.services.access import add_person

NOON = datetime(2026, 6, 1, 12, 0, tzinfo=UTC)
MIN = timedelta(minutes=1)
HOUR = timedelta(hours=1)
HOURLY = Schedule(HOUR, None, "UTC", 5 * MIN, 30 * MIN)
NIGHTLY = Schedule(None, "30 2 * * *", "Europe/Paris", 5 * MIN, 3 * HOUR)


def heard(**ago: timedelta) -> Heard:
    """Calls by how long before noon they came."""
    instants = {name: NOON - span for name, span in ago.items()}
    return Heard(**{"listening_since": NOON - 100 * HOUR, **instants})


ROWS = [
    pytest.param(heard(finished_at=10 * MIN), Result.OK, "ok", "next by", id="on time"),
    pytest.param(heard(finished_at=63 * MIN), Result.OK, "ok", "late since", id="late within grace"),
    pytest.param(
        heard(finished_at=66 * MIN), Result.FAIL, "heartbeat_missed", "was due at 2026-06-01 11:54", id="missed"
    ),
    pytest.param(heard(), Result.FAIL, "heartbeat_missed", "never heard", id="never heard, and due long ago"),
    pytest.param(heard(listening_since=MIN), Result.UNKNOWN, "heartbeat_new", "no run has finished", id="new"),
    pytest.param(
        heard(finished_at=70 * MIN, started_at=10 * MIN),
        Result.OK,
        "ok",
        "running since 10 min",
        id="running is not missed",
    ),
    pytest.param(
        heard(finished_at=70 * MIN, started_at=40 * MIN), Result.FAIL, "heartbeat_stuck", "started 40 min", id="stuck"
    ),
    pytest.param(
        heard(finished_at=70 * MIN, failed_at=5 * MIN), Result.FAIL, "heartbeat_failed", "5 min ago", id="failed"
    ),
    pytest.param(
        heard(failed_at=70 * MIN, finished_at=5 * MIN), Result.OK, "ok", "finished 5 min", id="failed and mended"
    ),
    pytest.param(
        heard(started_at=62 * MIN, finished_at=40 * MIN),
        Result.OK,
        "ok",
        "late since 2 min",
        id="due from the start, not the end",
    ),
    pytest.param(
        heard(started_at=9 * HOUR, finished_at=40 * MIN),
        Result.OK,
        "ok",
        "next by",
        id="a start of long ago is not this run's",
    ),
]


@pytest.mark.parametrize(("calls", "result", "reason", "words"), ROWS)
def test_calls_are_judged(calls: Heard, result: Result, reason: str, words: str) -> None:
    found = judged(calls, HOURLY, NOON)
    assert found[:2] == (result, reason), found
    assert reason in REASONS
    assert words in found[2]


@pytest.mark.parametrize(
    ("began", "due"),
    [
        pytest.param("2026-06-01T00:30:00", "2026-06-02T00:30:00", id="from its tick to the next"),
        pytest.param("2026-06-01T00:29:55", "2026-06-02T00:30:00", id="a clock five seconds ahead means this tick"),
        pytest.param(
            "2026-03-28T01:30:00", "2026-03-29T01:00:00", id="in spring 02:30 does not exist: 03:00 summer time"
        ),
        pytest.param("2026-10-24T00:30:00", "2026-10-25T00:30:00", id="in autumn the first 02:30"),
        pytest.param("2026-10-25T00:30:00", "2026-10-26T01:30:00", id="and not the second"),
    ],
)
def test_cron_lines_are_due_in_their_zone(began: str, due: str) -> None:
    found = NIGHTLY.due_after(datetime.fromisoformat(began).replace(tzinfo=UTC))
    assert found.astimezone(UTC) == datetime.fromisoformat(due).replace(tzinfo=UTC)


@given(st.integers(0, 999_999_999), st.integers(0, 9999))
def test_a_key_reads_back_and_no_other_does(monitor_id: int, number: int) -> None:
    key = heartbeat_key(monitor_id, number)
    assert read_key(key) == (monitor_id, number)
    assert read_key(key[:-1] + ("a" if key[-1] != "a" else "b")) is None
    assert read_key(f"{monitor_id + 1}{key[key.index('-') :]}") is None


@given(st.text(max_size=60))
def test_no_text_breaks_the_reading_of_keys(text: str) -> None:
    assert read_key(text) is None


@pytest.fixture
def job(db: None) -> Monitor:
    return Monitor.objects.create(slug="backup", name="Backup", kind="heartbeat", options={"period": "1h"})


@pytest.fixture
def path(job: Monitor) -> str:
    return f"/api/v1/heartbeats/{heartbeat_key(job.pk, 1)}"


@pytest.mark.parametrize(
    ("method", "suffix", "kind", "exit_code"),
    [
        ("get", "", "finish", None),
        ("post", "/", "finish", None),
        ("head", "/finish", "finish", None),
        ("post", "/start", "start", None),
        ("get", "/fail", "fail", None),
        ("get", "?exit=0", "finish", 0),
        ("get", "/finish?exit=3", "fail", 3),
        ("get", "/finish?exit=many", "finish", None),
    ],
)
def test_a_call_is_kept(client: Client, path: str, method: str, suffix: str, kind: str, exit_code: int | None) -> None:
    assert getattr(client, method)(path + suffix).status_code == 200
    signal = HeartbeatSignal.objects.get()
    assert (signal.kind, signal.exit_code) == (kind, exit_code)


def test_a_long_note_is_cut_and_what_is_unprintable_is_escaped(client: Client, path: str) -> None:
    client.post(f"{path}/fail", b"disk full\x00\xff" + b"x" * 100_000, content_type="application/octet-stream")
    note = HeartbeatSignal.objects.get().note
    assert note.startswith("disk full\\x00\\xff")
    assert len(note.encode()) <= NOTE_LIMIT_BYTES


@pytest.mark.parametrize("spoil", ["guess", "number", "removed", "kind"])
def test_every_wrong_address_is_answered_alike(client: Client, path: str, job: Monitor, spoil: str) -> None:
    if spoil == "removed":
        Monitor.objects.update(removed_at=NOON)
    elif spoil == "kind":
        Monitor.objects.update(kind="http")
    wrong = {
        "guess": f"/api/v1/heartbeats/{job.pk}-1-{'a' * 24}",
        "number": f"/api/v1/heartbeats/{heartbeat_key(job.pk, 2)}",
    }
    response = client.get(wrong.get(spoil, path))
    assert (response.status_code, response.content) == (404, b"unknown heartbeat address\n")
    assert not HeartbeatSignal.objects.exists()


def test_other_methods_are_refused(client: Client, path: str) -> None:
    assert client.delete(path).status_code == 405


def test_a_job_that_calls_without_end_fills_no_disk(client: Client, path: str, job: Monitor) -> None:
    HeartbeatSignal.objects.bulk_create(HeartbeatSignal(monitor=job, kind="start") for _ in range(3 * SIGNALS_KEPT))
    client.get(path)
    assert HeartbeatSignal.objects.count() == SIGNALS_KEPT
    assert HeartbeatSignal.objects.first().kind == "finish"


@pytest.mark.parametrize(("role", "is_shown"), [(Role.VIEWER, False), (Role.OPERATOR, True)])
def test_only_who_may_change_a_monitor_sees_its_address(
    client: Client, path: str, job: Monitor, role: Role, is_shown: bool
) -> None:
    client.force_login(add_person("ada", "", role))
    page = client.get(f"/console/monitors/{job.slug}/").content.decode()
    assert (path in page) is is_shown


def probed(job: Monitor) -> ProbeResult:
    kind = KINDS["heartbeat"]
    check = Check(job.pk, job.slug, "heartbeat", 3.0, 30.0, kind.options.model_validate(job.options))
    return asyncio.run(kind.run(check))


@pytest.mark.django_db(transaction=True)
def test_the_probe_reads_what_was_called() -> None:
    job = Monitor.objects.create(slug="backup", name="Backup", kind="heartbeat", options={"period": "1h"})
    assert probed(job).reason == "heartbeat_new"
    HeartbeatSignal.objects.create(monitor=job, kind="finish")
    assert probed(job).result is Result.OK
    HeartbeatSignal.objects.create(monitor=job, kind="fail", exit_code=2, note="disk full")
    failed = probed(job)
    assert (failed.result, failed.reason) == (Result.FAIL, "heartbeat_failed")
    assert "exit code 2" in failed.sentence
    assert "disk full" in (failed.evidence or "")


REFUSED = [
    pytest.param({}, "exactly one", id="never due"),
    pytest.param({"period": "1h", "cron": "* * * * *"}, "exactly one", id="due twice"),
    pytest.param({"cron": "61 * * * *"}, "not a cron line", id="minute 61"),
    pytest.param({"cron": "* * * * * *"}, "not a cron line", id="six fields"),
    pytest.param({"cron": "* * * * *", "time_zone": "Mars/Olympus"}, "not a time zone", id="zone"),
    pytest.param({"cron": "* * * * *", "time_zone": "../../etc/passwd"}, "not a time zone", id="a path as zone"),
]


@pytest.mark.parametrize(("options", "words"), REFUSED)
def test_options_that_make_no_sense_are_refused(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        KINDS["heartbeat"].options.model_validate(options)
