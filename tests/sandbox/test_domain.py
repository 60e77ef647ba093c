"""Faults of the sandbox's zone are seen in one look, named, and diffed; and their end likewise."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections

from monitors.mail_dns.options import DomainOptions
from monitors.models import DomainRecord, Monitor, RecordChange
from monitors.probes import KINDS, Check, Observed
from monitors.results import ProbeResult, Result
from tests.sandbox.running import Sandbox

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
async def prober(transactional_db: None) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    params = await sync_to_async(connection.get_connection_params)()
    keys = ("host", "port", "user", "password", "dbname")
    own = await psycopg.AsyncConnection.connect(**{key: params[key] for key in keys if params.get(key)})
    yield own
    await own.close()
    await sync_to_async(connections.close_all)()


class Looks:
    """One watched domain; every `look` is one interval later."""

    def __init__(self, prober: psycopg.AsyncConnection[Any], check: Check) -> None:
        self._prober, self._check, self._at = prober, check, NOON

    async def look(self) -> ProbeResult:
        result = await KINDS["domain"].run(self._check)
        self._at += timedelta(seconds=10)
        keep = KINDS["domain"].keep
        assert keep is not None
        async with self._prober.transaction():
            await keep(self._prober, [Observed(self._check, 1, self._at, result)])
        return result


@pytest.fixture
async def looks(sandbox: Sandbox, prober: psycopg.AsyncConnection[Any]) -> Looks:
    dns = (await sync_to_async(sandbox.status)())["dns"]
    options = DomainOptions.model_validate(
        {
            "name": dns["zone"],
            "resolver": dns["addresses"],
            "dkim": dns["dkim_selectors"],
            "egress": dns["egress"],
            "mx": dns["mx"],
            "ns_port": int(dns["addresses"][0].rpartition(":")[2]),
            "https_port": int(dns["policy_address"].rpartition(":")[2]),
            "ca": str(sandbox.ca_file),
        }
    )
    monitor = await Monitor.objects.acreate(slug=options.name, name=options.name, kind="domain")
    return Looks(prober, Check(monitor.pk, options.name, "domain", 8.0, 10.0, options))


async def test_the_sandbox_is_well(looks: Looks) -> None:
    result = await looks.look()
    weak = [f"{row.record}: {row.sentence}" async for row in DomainRecord.objects.exclude(result="ok")]
    assert (result.result, weak) == (Result.OK, [])


@pytest.mark.parametrize(
    ("fault", "record", "reason", "diff"),
    [
        ("record-dropped", "spf", "spf_missing", {"-"}),
        ("record-dropped", "dkim", "dkim_missing", {"-"}),
        ("record-dropped", "dmarc", "dmarc_missing", {"-"}),
        ("record-broken", "spf", "spf_plus_all", {"-", "+"}),
        ("record-broken", "dkim", "dkim_unreadable", {"-", "+"}),
        ("record-broken", "dmarc", "dmarc_not_applied", {"-", "+"}),
    ],
)
async def test_a_fault_is_seen_named_and_diffed_in_one_look_and_so_is_its_end(
    sandbox: Sandbox, looks: Looks, fault: str, record: str, reason: str, diff: set[str]
) -> None:
    await looks.look()
    await sync_to_async(sandbox.break_)(fault, "dns", record=record)
    broken = await looks.look()
    assert broken.result is Result.FAIL
    row = await DomainRecord.objects.aget(record=record)
    assert (row.result, row.reason) == ("fail", reason)
    await sync_to_async(sandbox.mend)("all")
    mended = await looks.look()
    assert mended.result is Result.OK
    changes = [change async for change in RecordChange.objects.filter(record=record).order_by("id")]
    assert len(changes) == 2
    first, second = changes
    assert {line["op"] for line in first.diff} - {"="} == diff
    assert (first.before, first.after) == (second.after, second.before)
    assert {change.confirmed_by for change in changes} == {"servers"}


@pytest.mark.parametrize("kind", ["timeout", "servfail"])
async def test_servers_that_do_not_answer_leave_everything_unknown(sandbox: Sandbox, looks: Looks, kind: str) -> None:
    await looks.look()
    await sync_to_async(sandbox.break_)(f"dns-{kind}", "dns")
    result = await looks.look()
    assert result.result is Result.UNKNOWN
    assert not await RecordChange.objects.aexists()
