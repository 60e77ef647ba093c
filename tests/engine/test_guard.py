"""A prober whose own network is gone measures nothing: unknown and one finding, no wave of failures."""

from __future__ import annotations

import asyncio
import socket
from datetime import UTC, datetime
from pathlib import Path

import pytest

from monitors.engine.guard import Anchor, Guard, answers, is_local, system_anchors
from monitors.models import Finding, Monitor, StateChange
from monitors.probes import Check, Observed
from monitors.results import ProbeResult, Result
from tests.engine.ground import Script, in_database, make_monitor, make_prober, running
from tests.waiting import wait_until_async


def observed(reason: str, result: Result = Result.FAIL) -> Observed:
    check = Check(1, "api-a", "http", 5.0, 10.0, options=None)
    return Observed(check, 1, datetime.now(UTC), ProbeResult(result, reason, f"{reason}.", said="wire"))


class Silent:
    """An address that never answers: a socket whose backlog is full."""

    def __init__(self) -> None:
        self.listening = socket.socket()
        self.listening.bind(("127.0.0.1", 0))
        self.listening.listen(0)
        self.anchor = Anchor("127.0.0.1", self.listening.getsockname()[1])
        self.waiting = []
        for _ in range(3):
            client = socket.socket()
            client.setblocking(False)
            client.connect_ex(self.listening.getsockname())
            self.waiting.append(client)

    def close(self) -> None:
        for one in (self.listening, *self.waiting):
            one.close()


async def test_a_refused_connection_proves_the_way() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        anchor = Anchor("127.0.0.1", server.getsockname()[1])
        assert await answers(anchor)
    assert await answers(anchor)


async def test_without_a_proven_anchor_failures_stand() -> None:
    silent = Silent()
    guard = Guard([silent.anchor])
    learning = asyncio.create_task(guard.learn())
    await wait_until_async(lambda: not guard.proven)
    batch = [observed("timeout")]
    assert await guard.doubt(batch) == batch
    learning.cancel()
    silent.close()


@pytest.mark.parametrize(
    ("reason", "believed"),
    [
        pytest.param("timeout", "own_network", id="no answer"),
        pytest.param("refused", "refused", id="a refusal is an answer"),
        pytest.param("status_5xx", "status_5xx", id="so is an error"),
    ],
)
async def test_what_did_not_answer_is_not_believed_while_the_anchors_do_not(reason: str, believed: str) -> None:
    silent = Silent()
    guard = Guard([])
    guard.proven = [silent.anchor]
    [seen] = await guard.doubt([observed(reason)])
    assert seen.result.reason == believed
    assert seen.result.evidence == "wire"
    silent.close()


async def test_with_one_anchor_answering_failures_stand() -> None:
    silent = Silent()
    guard = Guard([])
    with socket.create_server(("127.0.0.1", 0)) as server:
        guard.proven = [silent.anchor, Anchor("127.0.0.1", server.getsockname()[1])]
        batch = [observed("timeout")]
        assert await guard.doubt(batch) == batch
    silent.close()


def test_targets_on_this_machine_need_no_network() -> None:
    assert is_local("127.0.0.1")
    assert is_local("::1")
    assert not is_local("192.0.2.1")


def test_the_machines_resolvers_are_the_anchors_unless_local(tmp_path: Path) -> None:
    file = tmp_path / "resolv.conf"
    file.write_text("# none\nnameserver 127.0.0.53\nnameserver 192.0.2.53\noptions edns0\n")
    assert system_anchors(file) == [Anchor("192.0.2.53", 53)]
    assert system_anchors(tmp_path / "none") == []


@pytest.mark.django_db(transaction=True)
async def test_one_finding_and_no_outage_while_our_own_network_is_gone(tmp_path: Path) -> None:
    script, silent = Script(), Silent()
    for number in range(5):
        await in_database(make_monitor)(f"api-{number}", every_s=0.3)
        script.letters[f"api-{number}"] = "ooo?"
    with socket.create_server(("127.0.0.1", 0)) as server:
        prober = make_prober(script, tmp_path, anchors=[Anchor("127.0.0.1", server.getsockname()[1])])
        async with running(prober):
            await wait_until_async(lambda: prober.guard.proven)
            prober.guard.proven = [silent.anchor]
            unknown = Monitor.objects.filter(state__verdict="unknown", state__reason="own_network")
            await wait_until_async(lambda: everything(unknown, 5), 8)
            await wait_until_async(Finding.objects.filter(kind="own_network", ended_at=None).aexists)
            prober.guard.proven = prober.guard.anchors
            script.letters = {}
            await wait_until_async(Finding.objects.filter(kind="own_network", ended_at__isnull=False).aexists, 8)
    assert await Finding.objects.acount() == 1
    assert not await StateChange.objects.filter(to_verdict="down").aexists()
    silent.close()


async def everything(rows: object, count: int) -> bool:
    return await rows.acount() == count  # type: ignore[attr-defined]
