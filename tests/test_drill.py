"""The whole product against a breaking platform: each fault is named where it is, and no other part turns."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
import pytest

from monitors.sandbox.client import Control
from statuspage.database import embedded
from statuspage.database.place import Place
from tests.running import Up
from tests.waiting import wait_until

CONTROL = re.compile(r"sandbox is up: control http://[0-9.]+:([0-9]+)")
NAMED_WITHIN_S = 40.0
"""Two intervals of 3 s, or of 10 s for names and pools, and as much again where other tests share the cores."""
WELL_AGAIN_WITHIN_S = 90.0
MONITORS = """
SELECT slug, verdict, reason FROM monitors_monitorstate s JOIN monitors_monitor m ON m.id = s.monitor_id
WHERE removed_at IS NULL
"""
COMPONENTS = "SELECT slug, verdict FROM monitors_component WHERE removed_at IS NULL"


@dataclass(frozen=True, slots=True)
class Watched:
    sandbox: Control
    dsn: str

    def not_up(self) -> dict[str, str]:
        """Reason by monitor, of those that are not up."""
        return {slug: reason for slug, verdict, reason in self.rows(MONITORS) if verdict != "up"}

    def turned(self) -> set[str]:
        return {slug for slug, verdict in self.rows(COMPONENTS) if verdict != "up"}

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.dsn) as connection:
            return connection.execute(query).fetchall()

    def seen(self) -> tuple[dict[str, str], set[str]]:
        return self.not_up(), self.turned()

    def wait_until_well(self) -> None:
        wait_until(
            lambda: self.seen() == ({}, set()), within=WELL_AGAIN_WITHIN_S, reason=lambda: f"seen: {self.seen()}"
        )


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    running = Up(tmp_path_factory.mktemp("drill"))
    try:
        running.start(is_with_sandbox=True)
        wait_until(lambda: CONTROL.search(running.said), within=60, reason="the sandbox is not up")
        found = CONTROL.search(running.said)
        assert found is not None
        watched = Watched(Control(int(found[1])), embedded.url(Place(running.data)))
        wait_until(lambda: "is watched as" in running.said, within=60, reason="the sandbox is not watched")
        yield watched
    finally:
        running.end()
        running.sweep()


@pytest.mark.parametrize(
    ("faults", "reasons", "components"),
    [
        pytest.param(
            [("kill", {"instance": "api-2"}), ("smtp-tempfail", {"instance": "smtp-1"})],
            {"api-2": "refused", "smtp-1": "smtp_4xx"},
            {"api", "smtp"},
            id="one API instance gone, one SMTP instance turns mail away",
        ),
        pytest.param(
            [("expired-certificate", {"instance": "api-1"}), ("hang", {"instance": "smtp-2"})],
            {"api-1": "certificate_expired", "smtp-2": "timeout"},
            {"api", "smtp"},
            id="a certificate expired, an SMTP instance froze",
        ),
        pytest.param(
            [("errors", {"instance": "api-3", "ratio": 1.0}), ("senders-stopped", {})],
            {"api-3": "status_5xx", "outbound": "no_consumers"},
            {"api", "sending"},
            id="one API instance fails, nobody sends",
        ),
        pytest.param(
            [("pool-drift", {}), ("record-dropped", {"record": "dmarc"})],
            {"api-pool": "pool_member_missing", "sandbox.test": "dmarc_missing"},
            {"dns"},
            id="the pool is answered by other weights, DMARC is gone",
        ),
    ],
)
def test_faults_are_named_where_they_are_and_nothing_else_turns(
    watched: Watched, faults: list[tuple[str, dict[str, Any]]], reasons: dict[str, str], components: set[str]
) -> None:
    watched.wait_until_well()
    for name, arguments in faults:
        watched.sandbox.break_(name, **arguments)
    wait_until(
        lambda: watched.seen() == (reasons, components), within=NAMED_WITHIN_S, reason=lambda: f"seen: {watched.seen()}"
    )
    watched.sandbox.mend()
    watched.wait_until_well()
