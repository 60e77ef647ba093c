"""Every fault shows over the sockets, and is gone when mended."""

from __future__ import annotations

import time
from collections.abc import Callable

import psycopg
import pytest
import requests

from monitors.sandbox import faults
from monitors.sandbox.faults import FAULTS, FaultError, SandboxError
from monitors.sandbox.knobs import Knobs
from monitors.sandbox.plan import API_NAME
from tests.sandbox.running import Sandbox, eventually

HEALTH = f"https://{API_NAME}/health"
NOW = "2026-01-01T00:00:00+00:00"


def health(sandbox: Sandbox, instance: str = "api-1", timeout: float = 8) -> requests.Response:
    with sandbox.api(instance) as session:
        return session.get(HEALTH, timeout=timeout)


def state(sandbox: Sandbox, name: str) -> str:
    return next(one["state"] for one in sandbox.status()["instances"] if one["instance"] == name)


@pytest.mark.parametrize(
    ("ask", "says"),
    [
        pytest.param(lambda: faults.plan_break("flood", None, {}, NOW), "kill, hang", id="unknown fault lists all"),
        pytest.param(lambda: faults.plan_break("kill", None, {}, NOW), "--instance", id="kill names its victim"),
        pytest.param(lambda: faults.plan_break("kill", "api-9", {}, NOW), "api-1", id="unknown instance"),
        pytest.param(lambda: faults.plan_break("errors", "smtp-1", {}, NOW), "api-1", id="not that role"),
        pytest.param(lambda: faults.plan_break("slow", None, {"hours": "2"}, NOW), "seconds=2.0", id="argument"),
        pytest.param(lambda: faults.plan_break("slow", None, {"seconds": "x"}, NOW), "a number", id="not a number"),
        pytest.param(lambda: faults.plan_break("slow", None, {"seconds": "-1"}, NOW), "negative", id="negative"),
        pytest.param(lambda: faults.plan_break("db-lock", "api-1", {}, NOW), "database", id="the database is one"),
        pytest.param(lambda: faults.plan_break("dns-timeout", None, {"record": "cname"}, NOW), "mta-sts", id="record"),
        pytest.param(lambda: faults.plan_break("pool-drift", None, {"weights": "0,0,0"}, NOW), "1,0,0", id="weights"),
    ],
)
def test_a_senseless_wish_is_refused_with_what_would_do(ask: Callable[[], object], says: str) -> None:
    with pytest.raises(FaultError, match=says):
        ask()


def test_faults_on_one_instance_add_up() -> None:
    wishes = [("dns-timeout", {"record": "mx"}), ("record-broken", {"record": "spf"}), ("pool-drift", {})]
    active = [one for name, args in wishes for one in faults.plan_break(name, None, args, NOW)]
    assert faults.knobs_of("dns", active) == Knobs(records={"mx": "timeout", "spf": "broken"}, weights=(1, 0, 0))
    assert faults.knobs_of("api-1", active) == Knobs()


def test_control_refuses_what_it_does_not_know(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxError, match=r"no fault named 'flood'; there are: kill"):
        sandbox.break_("flood")
    with pytest.raises(SandboxError, match="active faults: none"):
        sandbox.mend("kill")


@pytest.mark.parametrize("headers", [{"Host": "evil.example"}, {"Content-Type": "text/plain"}])
def test_control_cannot_be_steered_by_a_browser(sandbox: Sandbox, headers: dict[str, str]) -> None:
    url = f"http://{sandbox.plan.control}/mode"
    reply = requests.post(url, '{"mode": "offline"}', headers={"Content-Type": "application/json"} | headers, timeout=5)
    assert reply.status_code in (403, 415)
    assert sandbox.status()["mode"]["mode"] == "online"


def test_a_killed_instance_refuses_and_stays_down_until_mended(sandbox: Sandbox) -> None:
    sandbox.break_("kill", "api-2")
    with pytest.raises(requests.ConnectionError):
        health(sandbox, "api-2")
    assert state(sandbox, "api-2") == "down"
    assert health(sandbox, "api-1").status_code == 200
    sandbox.mend("kill")
    assert health(sandbox, "api-2").json()["instance"] == "api-2"


def test_a_hung_instance_takes_connections_and_says_nothing(sandbox: Sandbox) -> None:
    sandbox.break_("hang", "api-3")
    with pytest.raises(requests.Timeout):
        health(sandbox, "api-3", timeout=0.4)
    assert state(sandbox, "api-3") == "hung"
    sandbox.mend("hang")
    assert health(sandbox, "api-3").status_code == 200


def test_a_slow_instance_answers_late(sandbox: Sandbox) -> None:
    sandbox.break_("slow", "api-1", seconds=0.5)
    start = time.monotonic()
    assert health(sandbox).status_code == 200
    assert time.monotonic() - start >= 0.5
    sandbox.mend("slow")
    with pytest.raises(SandboxError):
        sandbox.mend("slow")


def test_a_share_of_requests_fails(sandbox: Sandbox) -> None:
    sandbox.break_("errors", "api-1", ratio=1)
    assert health(sandbox).status_code == 500
    assert health(sandbox, "api-2").status_code == 200
    sandbox.mend("errors")
    assert health(sandbox).status_code == 200


def test_an_expired_certificate_is_seen_by_new_connections(sandbox: Sandbox) -> None:
    sandbox.break_("expired-certificate")
    with pytest.raises(requests.exceptions.SSLError, match="expired"):
        health(sandbox)
    sandbox.mend("expired-certificate")
    assert health(sandbox).status_code == 200


def test_a_held_queue_table_makes_accepting_and_health_fail_in_time(sandbox: Sandbox) -> None:
    sandbox.break_("db-lock")
    start = time.monotonic()
    refused = eventually(lambda: (reply := health(sandbox)).status_code == 503 and reply.json())
    assert refused["status"] == "failing"
    with sandbox.api() as session:
        post = session.post(f"https://{API_NAME}/email", json={"from": "a@b.c", "to": "d@e.f"}, timeout=9)
    assert post.status_code == 503
    assert time.monotonic() - start < 8
    assert sandbox.totals()["accepted"] is None
    sandbox.mend("db-lock")
    assert health(sandbox).status_code == 200


def test_a_wrong_alter_stops_sending_and_shows_in_the_schema(sandbox: Sandbox) -> None:
    sandbox.break_("wrong-alter")
    assert columns(sandbox, "suppression") == {"email", "reason"}
    sandbox.send(3)
    assert sandbox.totals()["residual"] == 0
    eventually(lambda: any("suppression list" in one["report"].get("trouble", "") for one in senders(sandbox)))
    sandbox.mend("wrong-alter")
    assert columns(sandbox, "suppression") == {"address", "reason"}
    eventually(lambda: sandbox.totals()["queued"] == 0)


def senders(sandbox: Sandbox) -> list[dict[str, dict[str, str]]]:
    return [one for one in sandbox.status()["instances"] if one["role"] == "sender"]


def columns(sandbox: Sandbox, table: str) -> set[str]:
    query = "select column_name from information_schema.columns where table_schema = %s and table_name = %s"
    with psycopg.connect(sandbox.database_url) as connection:
        return {row[0] for row in connection.execute(query, [sandbox.schema, table])}


def test_without_senders_mail_waits_and_nobody_consumes(sandbox: Sandbox) -> None:
    sandbox.break_("senders-stopped")
    before = sandbox.totals()["sent"]
    sandbox.send(4)
    eventually(lambda: sandbox.totals()["consumers"] == 0)
    held = sandbox.totals()
    assert (held["queued"], held["sent"]) == (4, before)
    assert held["oldest_age_s"] > 0
    sandbox.mend("senders-stopped")
    eventually(lambda: sandbox.totals()["sent"] == before + 4)


def get_stuck_with(sandbox: Sandbox, count: int) -> list[int]:
    """All in one claim: a sender that gets stuck with the first of them leaves the others waiting."""
    sandbox.mode("offline")
    sandbox.break_("senders-stuck")
    numbers = sandbox.send(count)
    sandbox.mode("online")
    return numbers


def test_stuck_senders_hold_what_they_claimed_and_go_on_when_mended(sandbox: Sandbox) -> None:
    before = sandbox.totals()["sent"]
    numbers = get_stuck_with(sandbox, 4)
    held = eventually(lambda: (found := sandbox.totals())["in_flight"] == 4 and found)
    assert (held["consumers"], held["sent"]) == (2, before)
    sandbox.mend("senders-stuck")
    eventually(lambda: sandbox.totals()["sent"] == before + 4)
    assert [sandbox.arrivals(number) for number in numbers] == [1] * 4


def test_a_killed_sender_s_claims_are_taken_over(sandbox: Sandbox) -> None:
    numbers = get_stuck_with(sandbox, 4)
    eventually(lambda: sandbox.totals()["in_flight"] == 4)
    sandbox.break_("kill", "sender-1")
    sandbox.mend("senders-stuck")
    sandbox.mend("kill")
    eventually(lambda: all(sandbox.arrivals(number) == 1 for number in numbers))


def test_a_narrow_link_lets_the_queue_grow(sandbox: Sandbox) -> None:
    sandbox.break_("link-capacity", bits_per_s=0)
    sandbox.send(3)
    assert sandbox.unsent() == 3
    sandbox.mend("link-capacity")
    eventually(lambda: sandbox.unsent() == 0)


def test_a_narrow_link_carries_no_more_than_its_bits(sandbox: Sandbox) -> None:
    sandbox.mode("offline")
    sandbox.break_("link-capacity", bits_per_s=60_000)
    before = sandbox.totals()["sink"]["link_bits"]
    sandbox.send(8, text="x" * 70 + "\n" + "y" * 900)
    sandbox.mode("online")
    start = time.monotonic()
    eventually(lambda: sandbox.unsent() == 0)
    carried = sandbox.totals()["sink"]["link_bits"] - before
    assert carried > 8 * 8 * 970
    assert carried / (time.monotonic() - start) < 60_000 * 1.1


def test_a_hang_outlasts_the_death_of_its_process(sandbox: Sandbox) -> None:
    sandbox.break_("hang", "api-2")
    sandbox.break_("kill", "api-2")
    sandbox.mend("kill")
    assert state(sandbox, "api-2") == "hung"
    with pytest.raises(requests.Timeout):
        health(sandbox, "api-2", timeout=0.4)
    sandbox.mend("hang")
    assert health(sandbox, "api-2").status_code == 200


def test_lost_messages_leave_a_residual_until_they_are_found(sandbox: Sandbox) -> None:
    sandbox.mode("offline")
    sandbox.send(6)
    sandbox.break_("lose", count=4)
    assert (sandbox.totals()["residual"], sandbox.totals()["queued"]) == (4, 2)
    sandbox.mend("lose")
    assert (sandbox.totals()["residual"], sandbox.totals()["queued"]) == (0, 6)


def test_a_duplicate_is_seen_at_the_sink_and_in_the_totals(sandbox: Sandbox) -> None:
    sandbox.mode("offline")
    before = sandbox.totals()["residual"]
    sandbox.break_("senders-stopped", "sender-2")
    sandbox.break_("duplicate", count=2)
    numbers = sandbox.send(5)
    sandbox.mode("online")
    eventually(lambda: sandbox.unsent() == 0)
    assert sorted(sandbox.arrivals(number) for number in numbers) == [1, 1, 1, 2, 2]
    assert sandbox.totals()["residual"] == before - 2


def test_a_duplicate_ordered_while_a_batch_is_under_way_is_counted(sandbox: Sandbox) -> None:
    sandbox.mode("offline")
    before = sandbox.totals()["residual"]
    sandbox.break_("senders-stopped", "sender-2")
    sandbox.break_("slow", "sender-1", seconds=0.5)
    numbers = sandbox.send(3)
    sandbox.mode("online")
    eventually(lambda: sandbox.totals()["in_flight"] == 3)
    sandbox.break_("duplicate", count=1)
    eventually(lambda: sandbox.unsent() == 0)
    assert sorted(sandbox.arrivals(number) for number in numbers) == [1, 1, 2]
    assert sandbox.totals()["residual"] == before - 1


def test_a_leak_sends_while_offline(sandbox: Sandbox) -> None:
    sandbox.mode("offline")
    before = sandbox.totals()["by_instance"].get("sender-2", {}).get("sent", 0)
    sandbox.break_("leak")
    sandbox.send(3)
    eventually(lambda: sandbox.totals()["by_instance"].get("sender-2", {}).get("sent") == before + 3)
    sandbox.mend("leak")
    sandbox.send(1)
    assert sandbox.totals()["queued"] == 1


def test_an_instance_that_died_by_itself_comes_back(sandbox: Sandbox) -> None:
    import os
    import signal

    pid = next(one["pid"] for one in sandbox.status()["instances"] if one["instance"] == "smtp-2")
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: state(sandbox, "smtp-2") == "down", reason="its death went unnoticed")
    eventually(lambda: state(sandbox, "smtp-2") == "up")


def test_every_fault_is_tried_by_a_test() -> None:
    from pathlib import Path

    tried = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    assert [name for name in FAULTS if f'"{name}"' not in tried] == []
