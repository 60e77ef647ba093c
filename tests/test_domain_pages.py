"""The console's pages of domains: verdict per record, words beside raw text, what changed, and judging now."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from playwright.sync_api import Page

from monitors.mail_dns.evidence import Seen, details_of
from monitors.mail_dns.facts import Facts
from monitors.mail_dns.judging import judge
from monitors.mail_dns.options import DomainOptions
from monitors.models import DomainRecord, Location, Monitor, MonitorState, RecordChange, Watch
from monitors.services.domains import next_row
from statuspage.roles import Role
from statuspage.services.access import add_person
from tests.browser import overflow, pictures, violations
from tests.zones import ZoneFacts, zone

HTMX = {"HX-Request": "true"}
ZONE = """
    acme.example TXT "v=spf1 include:_spf.mail.example mx -all"
    _spf.mail.example TXT "v=spf1 ip4:192.0.2.0/24 ~all"
    acme.example MX 10 mx1.acme.example.
    mx1.acme.example A 192.0.2.1
    _dmarc.acme.example TXT "v=DMARC1; p=reject; sp=none; t=y; rua=mailto:d@acme.example"
    s1._domainkey.acme.example TXT "v=DKIM1; p="
    10.2.0.192.in-addr.arpa ! SILENT
    acme.example CAA 0 issue "ca.example"
"""
OPTIONS = {"name": "acme.example", "dkim": ["s1"], "egress": ["192.0.2.10"]}


def watched(text: str = ZONE, name: str = "acme.example", verdict: str = "down", age_s: float = 40) -> Monitor:
    """A domain that was judged `age_s` ago, its records as the prober stores them."""
    now = timezone.now()
    options = {**OPTIONS, "name": name}
    monitor = Monitor.objects.create(
        slug=name,
        name=name,
        kind="domain",
        options=options,
        interval=timedelta(minutes=5),
        timeout=timedelta(seconds=20),
    )
    MonitorState.objects.create(
        monitor=monitor, verdict=verdict, since=now - timedelta(hours=2), sentence="DKIM: revoked."
    )
    Watch.objects.create(monitor=monitor, location=Location.objects.get_or_create(slug="main")[0])
    keep(monitor, text, age_s)
    return monitor


def keep(monitor: Monitor, text: str, age_s: float) -> None:
    judged = judge(DomainOptions.model_validate(monitor.options), Facts(ZoneFacts(zone(text))))
    at = timezone.now() - timedelta(seconds=age_s)
    for stored in details_of(judged)["records"]:
        seen = Seen.from_json(stored)
        row = DomainRecord.objects.filter(monitor=monitor, record=seen.record, name=seen.name).values().first()
        after, _ = next_row(row or {}, seen, at)
        DomainRecord.objects.update_or_create(
            monitor=monitor, record=seen.record, name=seen.name, defaults=after, create_defaults=after
        )


def changed(monitor: Monitor) -> RecordChange:
    now = timezone.now()
    return RecordChange.objects.create(
        monitor=monitor, record="dmarc", name="_dmarc.acme.example", before=["v=DMARC1; p=none"],
        after=["v=DMARC1; p=reject"], title="DMARC of _dmarc.acme.example changed: p=none → p=reject",
        diff=[{"op": "=", "text": "v=DMARC1"}, {"op": "-", "text": "p=none"}, {"op": "+", "text": "p=reject"}],
        confirmed_by="servers", seen_at=now - timedelta(hours=3), confirmed_at=now - timedelta(hours=3),
    )  # fmt: skip


@pytest.fixture
def viewer(client: Client, db: None) -> Client:
    client.force_login(add_person("vera", "", Role.VIEWER))
    return client


@pytest.fixture
def responder(db: None) -> Client:
    client = Client()
    client.force_login(add_person("rita", "", Role.RESPONDER))
    return client


def page(client: Client, path: str = "/console/domains/acme.example/", **options: Any) -> str:
    response = client.get(path, **options)
    assert response.status_code == 200
    return response.content.decode()


def test_the_list_shows_a_verdict_per_record_and_the_worst_domain_first(viewer: Client) -> None:
    watched(name="good.example", verdict="up")
    changed(watched())
    said = page(viewer, "/console/domains/")
    assert said.index("acme.example/") < said.index("good.example/")
    assert 'class="cell down"' in said
    assert "Last change" in said


def test_a_list_without_domains_says_what_to_do(viewer: Client) -> None:
    assert "manage.py domain NAME" in page(viewer, "/console/domains/")


def test_a_domain_shows_words_raw_text_tree_policy_and_changes(viewer: Client) -> None:
    changed(watched())
    said = page(viewer)
    for expected in (
        "Pass: whoever _spf.mail.example lets pass.",
        "v=spf1 include:_spf.mail.example mx -all",
        "2 of 10 DNS lookups",
        "include:_spf.mail.example",
        "192.0.2.10 pass",
        "non-existing subdomain",
        "lowered by",
        "RFC 6376 section 3.6.1",
        "p=none → p=reject",
        "all name servers agree",
        "no block list is configured",
    ):
        assert expected in said


def test_what_is_unknown_shows_what_was_last_good_and_never_green(viewer: Client) -> None:
    monitor = watched(age_s=600, verdict="unknown")
    keep(monitor, "* ! SILENT", 5)
    said = page(viewer)
    assert "Last known good" in said
    assert "v=spf1 include:_spf.mail.example mx -all" in said
    assert 'class="state up"' not in said
    assert 'class="state down"' not in said


def test_records_that_nobody_looks_at_any_more_are_unknown(viewer: Client) -> None:
    watched(age_s=3600)
    said = page(viewer)
    assert "too long ago to say anything" in said
    assert 'class="state down"' not in said
    assert 'class="state up"' not in said


def test_a_change_that_is_not_certain_yet_is_shown_as_that(viewer: Client) -> None:
    monitor = watched(age_s=100)
    keep(
        monitor,
        ZONE.replace("mx1.acme.example.", "mx9.acme.example.").replace("mx1.acme.example A", "mx9.acme.example A"),
        5,
    )
    assert "not certain yet" in page(viewer)


def test_judging_now_makes_the_domain_due_and_waits_for_the_look(responder: Client) -> None:
    monitor = watched(age_s=100)
    Watch.objects.update(due_at=timezone.now() + timedelta(minutes=5))
    response = responder.post("/console/domains/acme.example/judge/")
    assert Watch.objects.get().due_at <= timezone.now()
    address = response["Location"]
    waiting = responder.get(address, headers=HTMX)
    assert "Judging now" in waiting.content.decode()
    assert "HX-Refresh" not in waiting
    keep(monitor, ZONE, -1)
    assert responder.get(address, headers=HTMX)["HX-Refresh"] == "true"


def test_a_request_that_no_prober_takes_is_told(responder: Client) -> None:
    watched(age_s=600)
    asked = (timezone.now() - timedelta(minutes=2)).isoformat().replace("+", "%2B")
    assert "No prober has taken the request" in page(responder, f"/console/domains/acme.example/?after={asked}")


def test_a_paused_domain_is_not_judged(responder: Client) -> None:
    Monitor.objects.filter(pk=watched().pk).update(is_paused=True)
    response = responder.post("/console/domains/acme.example/judge/", follow=True)
    assert "resume its monitor" in response.content.decode()


@pytest.mark.parametrize("after", ["", "nonsense", "2026-13-45T99:99", "2026-01-01T00:00"])
def test_a_nonsensical_moment_is_ignored(viewer: Client, after: str) -> None:
    watched()
    assert "Judging now" not in page(viewer, f"/console/domains/acme.example/?after={after}")


def test_another_kind_of_monitor_is_no_domain(viewer: Client) -> None:
    Monitor.objects.create(slug="api-a", name="api-a", kind="http")
    assert viewer.get("/console/domains/api-a/").status_code == 404


@pytest.mark.parametrize("number", [1, 8])
def test_the_list_costs_the_same_queries_for_any_number_of_domains(viewer: Client, number: int) -> None:
    for at in range(number):
        changed(watched(name=f"d{at}.example"))
    with CaptureQueriesContext(connection) as queries:
        page(viewer, "/console/domains/")
    assert len(queries) <= 5


@pytest.mark.browser
def test_the_pages_are_accessible_and_fit_a_phone(
    open_page: Callable[..., Page], tmp_path: Path, transactional_db: None
) -> None:
    monitor = watched()
    changed(monitor)
    for name, path in (("list", "/console/domains/"), ("detail", "/console/domains/acme.example/")):
        (tmp_path / name).mkdir()
        pictures(open_page, path, tmp_path / name, prepare=check)


def check(opened: Page) -> None:
    assert violations(opened) == []
    assert overflow(opened)["x"] <= 0
