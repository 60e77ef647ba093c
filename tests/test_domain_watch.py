"""Watched domains: what was last known stays, a change is told once it is certain, and silence is no change."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest
from asgiref.sync import sync_to_async
from django.db import connection, connections

from monitors.mail_dns.confirmation import Standing, watch
from monitors.mail_dns.differences import differences, headline
from monitors.mail_dns.options import DomainOptions
from monitors.models import DomainRecord, Finding, Monitor, RecordChange
from monitors.probes import KINDS, Check, Observed
from monitors.results import ProbeResult, Result
from tests.zones import ZoneServer, serving, zone

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
KIND = KINDS["domain"]
ZONE = """
    acme.example TXT "v=spf1 ip4:192.0.2.10 -all"
    acme.example TXT "site-verification=1"
    acme.example MX 10 mx1.acme.example.
    acme.example NS ns1.acme.example.
    acme.example SOA ns1.acme.example. hostmaster.acme.example. 1 3600 600 604800 300
    ns1.acme.example A 127.0.0.1
    mx1.acme.example A 192.0.2.1
    _dmarc.acme.example TXT "v=DMARC1; p=reject; rua=mailto:dmarc@acme.example"
    10.2.0.192.in-addr.arpa PTR mail.acme.example.
    mail.acme.example A 192.0.2.10
"""


@pytest.fixture
def server() -> Iterator[ZoneServer]:
    with serving(zone(ZONE), authoritative=True) as running:
        yield running


@pytest.fixture
async def prober(transactional_db: None) -> AsyncIterator[psycopg.AsyncConnection[Any]]:
    """The prober's own connection."""
    params = await sync_to_async(connection.get_connection_params)()
    keys = ("host", "port", "user", "password", "dbname")
    own = await psycopg.AsyncConnection.connect(**{key: params[key] for key in keys if params.get(key)})
    yield own
    await own.close()
    await sync_to_async(connections.close_all)()


async def watched(server: ZoneServer, **options: Any) -> Check:
    options = {"name": "acme.example", "egress": ["192.0.2.10"], "resolver": server.address, **options}
    made = DomainOptions.model_validate(options)
    stored = made.model_dump(mode="json", exclude_unset=True)
    monitor = await Monitor.objects.acreate(slug="acme.example", name="acme.example", kind="domain", options=stored)
    return Check(monitor.pk, "acme.example", "domain", 3.0, 300.0, DomainOptions.model_validate(stored))


async def look(prober: psycopg.AsyncConnection[Any], check: Check, after_s: float = 0) -> ProbeResult:
    """One round: probe, and store what it said as of noon plus so many seconds."""
    result = await KIND.run(check)
    assert KIND.keep is not None
    async with prober.transaction():
        await KIND.keep(prober, [Observed(check, 1, NOON + timedelta(seconds=after_s), result)])
    return result


async def row(record: str) -> DomainRecord:
    return await DomainRecord.objects.aget(record=record)


async def test_a_sound_domain_is_ok_and_its_records_are_kept(
    prober: psycopg.AsyncConnection[Any], server: ZoneServer
) -> None:
    result = await look(prober, await watched(server))
    assert (result.result, result.sentence) == (Result.OK, "All 10 records of acme.example are well.")
    spf = await row("spf")
    assert (spf.values, spf.ttl_s, spf.good_at, spf.server) == (
        ["v=spf1 ip4:192.0.2.10 -all"], 300, NOON, server.address,
    )  # fmt: skip
    assert not await RecordChange.objects.aexists()


async def test_a_change_that_all_servers_tell_is_told_at_once_tag_by_tag(
    prober: psycopg.AsyncConnection[Any], server: ZoneServer
) -> None:
    check = await watched(server)
    await look(prober, check)
    server.zone.records["_dmarc.acme.example", "TXT"] = ["v=DMARC1; p=none; rua=mailto:dmarc@acme.example"]
    result = await look(prober, check, 300)
    assert result.reason == "dmarc_p_none"
    change = await RecordChange.objects.aget()
    assert change.title == "DMARC of _dmarc.acme.example changed: p=reject → p=none"
    assert [f"{line['op']} {line['text']}" for line in change.diff] == [
        "= v=DMARC1", "- p=reject", "+ p=none", "= rua=mailto:dmarc@acme.example",
    ]  # fmt: skip
    assert (change.confirmed_by, change.seen_at) == ("servers", NOON + timedelta(seconds=300))
    finding = await Finding.objects.aget()
    assert (finding.kind, finding.monitor_id, finding.started_at) == (
        "record_changed",
        check.monitor_id,
        change.seen_at,
    )
    assert finding.ended_at == finding.started_at


async def test_without_the_servers_a_change_waits_for_the_old_answer_to_expire(
    prober: psycopg.AsyncConnection[Any], server: ZoneServer
) -> None:
    check = await watched(server, skip=["ns"])
    await look(prober, check)
    server.zone.records["acme.example", "MX"] = ["10 mx2.acme.example."]
    server.zone.records["mx2.acme.example", "A"] = ["192.0.2.2"]
    await look(prober, check, 100)
    mx = await row("mx")
    assert (mx.values, mx.pending_values) == (["10 mx1.acme.example"], ["10 mx2.acme.example"])
    assert not await RecordChange.objects.aexists()
    await look(prober, check, 401)
    change = await RecordChange.objects.aget()
    assert (change.confirmed_by, change.seen_at) == ("ttl", NOON + timedelta(seconds=100))
    assert (await row("mx")).pending_values is None


async def test_a_resolver_that_is_gone_leaves_unknown_with_what_was_last_known(
    prober: psycopg.AsyncConnection[Any], server: ZoneServer
) -> None:
    check = await watched(server)
    await look(prober, check)
    server.zone.faults["*"] = "SILENT"
    result = await look(prober, check, 300)
    assert result.result is Result.UNKNOWN
    rows = [one async for one in DomainRecord.objects.all()]
    assert {one.result for one in rows} == {"unknown"}
    spf = await row("spf")
    assert (spf.values, spf.good_at, spf.learnt_at) == (["v=spf1 ip4:192.0.2.10 -all"], NOON, NOON)
    assert spf.good_sentence.startswith("One valid record")
    assert not await RecordChange.objects.aexists()
    server.zone.faults.clear()
    assert (await look(prober, check, 600)).result is Result.OK
    assert not await RecordChange.objects.aexists()


async def test_a_record_that_vanishes_is_told_and_its_last_good_text_stays(
    prober: psycopg.AsyncConnection[Any], server: ZoneServer
) -> None:
    check = await watched(server)
    await look(prober, check)
    server.zone.records["acme.example", "TXT"] = ["site-verification=1"]
    result = await look(prober, check, 300)
    assert (result.result, result.reason) == (Result.FAIL, "spf_missing")
    change = await RecordChange.objects.aget()
    assert change.title == "SPF of acme.example vanished: it was v=spf1 ip4:192.0.2.10 -all"
    assert (await row("spf")).good_values == ["v=spf1 ip4:192.0.2.10 -all"]


async def test_a_text_of_someone_else_at_the_same_name_is_no_change(
    prober: psycopg.AsyncConnection[Any], server: ZoneServer
) -> None:
    check = await watched(server)
    await look(prober, check)
    server.zone.records["acme.example", "TXT"][1] = "site-verification=2"
    await look(prober, check, 300)
    assert not await RecordChange.objects.aexists()


async def test_a_look_that_arrives_late_changes_nothing(
    prober: psycopg.AsyncConnection[Any], server: ZoneServer
) -> None:
    check = await watched(server)
    await look(prober, check, 600)
    server.zone.records["acme.example", "MX"] = ["10 mx2.acme.example."]
    await look(prober, check, 300)
    mx = await row("mx")
    assert (mx.values, mx.judged_at) == (["10 mx1.acme.example"], NOON + timedelta(seconds=600))
    assert not await RecordChange.objects.aexists()


async def test_bytes_that_a_database_cannot_store_are_written_out(
    prober: psycopg.AsyncConnection[Any], server: ZoneServer
) -> None:
    check = await watched(server)
    server.zone.records["acme.example", "TXT"] = ["v=spf1 \x00\x1b[31m \ud7ff -all"]
    await look(prober, check)
    spf = await row("spf")
    assert spf.values is not None
    assert spf.values[0].startswith("v=spf1 \\x00\\x1b[31m")


A, B = ("v=spf1 -all",), ("v=spf1 ~all",)
HOUR = timedelta(hours=1)


def test_the_first_sight_is_no_change() -> None:
    standing, change = watch(Standing(), A, 300, NOON, is_agreed=True)
    assert (standing, change) == (Standing(A, 300), None)


def test_a_return_to_what_stood_forgets_what_was_pending() -> None:
    standing, _ = watch(Standing(A, 300), B, 300, NOON, is_agreed=False)
    standing, change = watch(standing, A, 300, NOON + HOUR, is_agreed=False)
    assert (standing, change) == (Standing(A, 300), None)
    _, change = watch(standing, B, 300, NOON + 2 * HOUR, is_agreed=False)
    assert change is None


def test_the_wait_is_that_of_the_old_answer_not_of_the_new() -> None:
    standing, _ = watch(Standing(A, 7200), B, 5, NOON, is_agreed=False)
    assert standing.pending_until == NOON + timedelta(seconds=7200)


def test_the_longest_time_to_live_seen_counts_because_resolvers_count_down() -> None:
    standing, _ = watch(Standing(A, 300), A, 12, NOON, is_agreed=False)
    assert standing.ttl_s == 300


@pytest.mark.parametrize(
    ("record", "before", "after", "lines"),
    [
        pytest.param(
            "spf", ["v=spf1 include:a.example ip4:192.0.2.1 ~all"], ["v=spf1 ip4:192.0.2.1 mx -all"],
            ["= v=spf1", "- include:a.example", "= ip4:192.0.2.1", "- ~all", "+ -all", "+ mx"],
            id="mechanism by mechanism, the final all replaced",
        ),
        pytest.param(
            "dkim", ["v=DKIM1; k=rsa; p=AAAA"], ["v=DKIM1; p="], ["= v=DKIM1", "- k=rsa", "- p=AAAA", "+ p="],
            id="a key revoked",
        ),
        pytest.param(
            "mx", ["10 a.example", "20 b.example"], ["10 a.example", "30 c.example"],
            ["= 10 a.example", "- 20 b.example", "+ 30 c.example"], id="value by value",
        ),
        pytest.param("spf", [], ["v=spf1 -all"], ["+ v=spf1 -all"], id="a record that appears"),
        pytest.param(
            "dmarc", ["v=DMARC1; p=none", "v=DMARC1; p=reject"], ["v=DMARC1; p=none"],
            ["= v=DMARC1; p=none", "- v=DMARC1; p=reject"], id="one record too many goes",
        ),
    ],
)  # fmt: skip
def test_differences_are_told_part_by_part(record: str, before: list[str], after: list[str], lines: list[str]) -> None:
    assert [f"{line.op} {line.text}" for line in differences(record, before, after)] == lines


def test_a_policy_that_changes_under_its_id_is_named_as_that() -> None:
    text = "v=STSv1; id=1"
    told = headline("mta-sts", "_mta-sts.acme.example", [text, "policy sha256=aa"], [text, "policy sha256=bb"])
    assert told.endswith("the policy changed under the same id, so senders keep the old one")
