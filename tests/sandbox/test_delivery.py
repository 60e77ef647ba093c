"""Mail accepted by the sandbox arrives in the sink once, and is kept while the platform is offline."""

from __future__ import annotations

import pytest

from monitors.sandbox.plan import API_NAME
from tests.sandbox.running import Sandbox, eventually

EVERY_API = ("api-1", "api-2", "api-3")


@pytest.mark.parametrize("instance", EVERY_API)
def test_mail_posted_to_an_instance_arrives_once(sandbox: Sandbox, instance: str) -> None:
    (number,) = sandbox.send(instance=instance)
    eventually(lambda: sandbox.arrivals(number))
    eventually(lambda: sandbox.totals()["in_flight"] == 0)
    assert sandbox.arrivals(number) == 1


def test_offline_keeps_mail_and_sends_all_of_it_once_afterwards(sandbox: Sandbox) -> None:
    sandbox.mode("offline")
    before = sandbox.totals()
    numbers = [number for instance in EVERY_API for number in sandbox.send(5, instance)]
    held = sandbox.totals()
    assert held["queued"] == 15
    assert (held["sent"], held["sink"]["received"]) == (before["sent"], before["sink"]["received"])
    sandbox.mode("online")
    eventually(lambda: sandbox.totals()["sent"] == before["sent"] + 15)
    assert [sandbox.arrivals(number) for number in numbers] == [1] * 15


@pytest.mark.parametrize("path", ["/", "/messages"])
def test_offline_closes_everything_but_sending(sandbox: Sandbox, path: str) -> None:
    with sandbox.api() as session:
        assert session.get(f"https://{API_NAME}{path}").status_code == 200
        sandbox.mode("offline")
        refused = session.get(f"https://{API_NAME}{path}")
    assert refused.status_code == 503
    assert refused.headers["retry-after"]


def test_health_goes_on_telling_the_mode_and_its_epoch(sandbox: Sandbox) -> None:
    epoch = sandbox.mode("offline")["epoch"]
    with sandbox.api() as session:
        health = session.get(f"https://{API_NAME}/health").json()
    assert (health["status"], health["mode"], health["epoch"]) == ("ok", "offline", epoch)


def test_totals_balance_when_nothing_is_broken(sandbox: Sandbox) -> None:
    sandbox.send(20)
    sandbox.send(2, to=["bounce@elsewhere.test"])
    assert sandbox.totals()["residual"] == 0
    eventually(lambda: sandbox.totals()["queued"] == 0)
    assert sandbox.totals()["residual"] == 0
