"""The probes name what is broken in the sandbox: the monitor of the broken instance by its reason, and no other."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql

from monitors.config.sandbox import api_monitors, database_monitor, pool_monitor, smtp_monitors
from monitors.probes import KINDS, Check
from monitors.results import Result
from tests.sandbox.running import Sandbox, eventually

NOT_OPTIONS = {"slug", "component", "kind", "site", "zone", "every", "timeout"}


@pytest.fixture
def checks(sandbox: Sandbox, tmp_path: Path) -> list[Check]:
    """A check per monitor of API, SMTP, database and pool, as the sandbox's own configuration has them."""
    status = sandbox.status()
    dsn, password = tmp_path / "dsn", tmp_path / "password"
    dsn.write_text(status["database"]["reader_dsn"])
    password.write_text(status["smtp"]["password"])
    wanted = [*api_monitors(status), *smtp_monitors(status, password), database_monitor(dsn), pool_monitor(status)]
    return [check_of(number, monitor) for number, monitor in enumerate(wanted, 1)]


def check_of(number: int, monitor: dict[str, Any]) -> Check:
    options = {name: value for name, value in monitor.items() if name not in NOT_OPTIONS}
    model = KINDS[monitor["kind"]].options.model_validate(options)
    timeout_s = 6.0 if monitor["kind"] == "pool" else 2.0
    return Check(number, monitor["slug"], monitor["kind"], timeout_s, 10.0, model)


def reasons(checks: list[Check]) -> dict[str, str]:
    """Reason by monitor, of those that are not ok."""

    async def all_at_once() -> dict[str, str]:
        results = await asyncio.gather(*(KINDS[check.kind].run(check) for check in checks))
        pairs = zip(checks, results, strict=True)
        return {check.slug: result.reason for check, result in pairs if result.result is not Result.OK}

    return asyncio.run(all_at_once())


FAULTS = [
    pytest.param("kill", {"instance": "api-2"}, {"api-2": "refused"}, id="an API instance is gone"),
    pytest.param("hang", {"instance": "api-1"}, {"api-1": "timeout"}, id="an API instance froze"),
    pytest.param("errors", {"instance": "api-3", "ratio": 1.0}, {"api-3": "status_5xx"}, id="an API instance fails"),
    pytest.param("slow", {"instance": "api-1", "seconds": 0.9}, {"api-1": "slow"}, id="an API instance is slow"),
    pytest.param(
        "expired-certificate", {"instance": "api-1"}, {"api-1": "certificate_expired"}, id="an API certificate expired"
    ),
    pytest.param(
        "expired-certificate",
        {"instance": "smtp-1"},
        {"smtp-1": "certificate_expired"},
        id="an SMTP certificate expired",
    ),
    pytest.param("smtp-tempfail", {"instance": "smtp-2"}, {"smtp-2": "smtp_4xx"}, id="an SMTP instance defers"),
    pytest.param("kill", {"instance": "smtp-2"}, {"smtp-2": "refused"}, id="an SMTP instance is gone"),
    pytest.param("hang", {"instance": "smtp-1"}, {"smtp-1": "timeout"}, id="an SMTP instance froze"),
    pytest.param("pool-drift", {}, {"api-pool": "pool_member_missing"}, id="the pool is answered by other weights"),
]


@pytest.mark.parametrize(("fault", "arguments", "named"), FAULTS)
def test_a_fault_is_named_at_its_instance_and_its_end_is_seen(
    fault: str, arguments: dict[str, Any], named: dict[str, str], sandbox: Sandbox, checks: list[Check]
) -> None:
    if fault != "pool-drift":
        checks = [check for check in checks if check.kind != "pool"]  # hundreds of questions, which tell nothing here
    sandbox.break_(fault, **arguments)
    eventually(lambda: reasons(checks) == named, reason=lambda: f"seen: {reasons(checks)}")
    sandbox.mend(fault)
    eventually(lambda: reasons(checks) == {}, reason=lambda: f"seen: {reasons(checks)}")


def test_a_locked_table_is_named_with_who_waits_and_who_holds_it(sandbox: Sandbox, checks: list[Check]) -> None:
    checks = [check for check in checks if check.kind == "postgres"]
    sandbox.break_("db-lock")
    with psycopg.connect(sandbox.database_url) as customer, ThreadPoolExecutor(1) as beside:
        count = sql.SQL("SELECT count(*) FROM {}.message").format(sql.Identifier(sandbox.schema))
        waiting = beside.submit(customer.execute, count)
        eventually(lambda: reasons(checks) == {"db-main": "backend_blocked"}, reason=lambda: f"seen: {reasons(checks)}")
        sandbox.mend("db-lock")
        waiting.result(10)
    eventually(lambda: reasons(checks) == {}, reason=lambda: f"seen: {reasons(checks)}")
