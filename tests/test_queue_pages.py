"""The console's pages of queues: the worst first, live, exported, and one with its findings."""

from __future__ import annotations

import csv
import io
import re
from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from monitors.models import ChangeEvent, Finding, Monitor, ProcessBeat, QueueMinute, QueueState
from statuspage.roles import Role
from statuspage.services.access import add_person

pytestmark = pytest.mark.django_db


@pytest.fixture
def viewer(client: Client) -> Client:
    client.force_login(add_person("vera", "", Role.VIEWER))
    return client


@pytest.fixture(autouse=True)
def prober(db: None) -> None:
    """Somebody is measuring: otherwise every queue is unknown."""
    ProcessBeat.objects.create(id="00000000-0000-4000-8000-000000000001", role="prober", host="h", pid=1)


def queue(slug: str, word: str = "flowing", **figures: object) -> Monitor:
    monitor = Monitor.objects.create(slug=slug, name=slug.title(), kind="queue", options={"source": "sql"})
    told = {"at": timezone.now(), "depth": 5, "cause": word, "sentence": f"{word} as told.", **figures}
    QueueState.objects.create(monitor=monitor, word=word, **told)
    return monitor


def test_the_worst_comes_first_and_is_told_in_words(viewer: Client) -> None:
    queue("calm")
    queue("stopped", "stalled", depth=1_234, eta_s=90.0, eta_basis="at_least")
    queue("silent", "unknown")
    page = viewer.get("/console/queues/").content.decode()
    assert re.findall(r'<a id="q-([\w-]+)"', page) == ["stopped", "silent", "calm"]
    assert "1,234" in page
    assert 'data-name="drained in">stalled<' in page
    assert "Stalled" in page


def test_the_table_alone_is_asked_for_every_two_seconds(viewer: Client) -> None:
    queue("calm")
    page = viewer.get("/console/queues/", headers={"HX-Request": "true"}).content.decode()
    assert page.startswith('<div id="queue-table"')
    assert 'hx-trigger="every 2s"' in page


def test_an_empty_list_says_what_to_do(viewer: Client) -> None:
    assert b"standpipe.yaml" in viewer.get("/console/queues/").content


def test_queues_are_exported_with_nothing_where_nothing_is_known(viewer: Client) -> None:
    queue("calm", ack_rate=None)
    (row,) = csv.DictReader(io.StringIO(viewer.get("/console/queues.csv").content.decode()))
    assert (row["slug"], row["depth"], row["ack_rate"]) == ("calm", "5", "")
    assert viewer.get("/console/queues.json").json()["queues"][0]["ack_rate"] is None


def test_one_queue_shows_its_day_and_its_findings(viewer: Client) -> None:
    monitor = queue("outbound", residual=1)
    now = timezone.now().replace(second=0, microsecond=0)
    for minutes in range(1, 30):
        at = now - timedelta(minutes=minutes)
        QueueMinute.objects.create(
            monitor=monitor, bucket_at=at, last_at=at, samples=1, rated=1, depth_max=9, depth_last=9, ack_mean=2.0
        )
    title = "outbound: 1 message came in and neither went out nor waits."
    Finding.objects.create(kind="unexplained_loss", monitor=monitor, subject="outbound", title=title, started_at=now)
    page = viewer.get("/console/queues/outbound/").content.decode()
    assert title in page
    assert "<svg" in page
    assert "residual 1" in page
    assert viewer.get("/console/queues/nothing/").status_code == 404


def test_a_pipeline_that_tells_of_thousands_of_changes_does_not_bury_the_page(viewer: Client) -> None:
    queue("calm")
    now = timezone.now()
    ChangeEvent.objects.bulk_create(
        ChangeEvent(key=f"k{n}", title=f"Deploy {n:04}.", occurred_at=now - timedelta(seconds=n)) for n in range(2_000)
    )
    page = viewer.get("/console/queues/calm/").content.decode()
    assert "Deploy 0000." in page
    assert page.count("mark change") < 200


def test_two_hundred_queues_cost_as_many_queries_as_one(
    viewer: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(200):
        queue(f"queue-{number}")
    with django_assert_max_num_queries(8):
        assert viewer.get("/console/queues/").status_code == 200
