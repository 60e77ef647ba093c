"""The board says what is, in a constant number of queries, to whom it should."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.db.models import F
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from monitors.models import ChangeEvent, Component, Finding, Monitor, MonitorState, ProcessBeat, QueueState
from monitors.selectors.queues import SparkPoint
from statuspage.board import board
from statuspage.board.frames import queues_content, tiers_content
from statuspage.board.queues import spark
from statuspage.board.timeline import timeline
from statuspage.live import StaleError
from statuspage.roles import Role
from statuspage.services.access import add_person
from tests.scene import QUEUES, bad_night, beat, change, many_monitors, queue

pytestmark = pytest.mark.django_db


@pytest.fixture
def viewer(client: Client) -> Client:
    client.force_login(add_person("vera", "", Role.VIEWER))
    return client


def queries(viewer: Client) -> int:
    with CaptureQueriesContext(connection) as captured:
        assert viewer.get("/console/").status_code == 200
    return len(captured)


def test_the_number_of_queries_is_constant(viewer: Client) -> None:
    beat(timezone.now())
    many_monitors(2)
    queue(QUEUES[0], timezone.now())
    few = queries(viewer)
    Monitor.objects.exclude(kind="queue").delete()
    Component.objects.all().delete()
    many_monitors(1_000)
    for figures in QUEUES[1:]:
        queue(figures, timezone.now())
    assert queries(viewer) == few


def test_the_page_shows_the_figures_without_script(viewer: Client) -> None:
    bad_night()
    page = viewer.get("/console/").content.decode()
    for told in ("18,406", "412/s", "287/s", "growing", "RabbitMQ did not answer", "2 of 3 up", "sendservice 8f31c"):
        assert told in page


def test_a_fragment_is_only_what_stands_inside_the_board(viewer: Client) -> None:
    bad_night()
    page = viewer.get("/console/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in page
    assert 'id="board-stamp"' in page


def test_an_empty_board_says_what_to_do_next(viewer: Client) -> None:
    assert "Nothing is watched yet" in viewer.get("/console/").content.decode()


def test_unknown_is_never_shown_as_a_figure(viewer: Client) -> None:
    bad_night()
    webhooks = next(card for card in board(timezone.now()).queues if card.slug == "webhooks")
    assert (webhooks.state, webhooks.is_known, webhooks.drained) == ("unknown", False, "\N{EN DASH}")


def test_when_no_prober_reports_everything_is_unknown(viewer: Client) -> None:
    now = timezone.now()
    bad_night(now)
    ProcessBeat.objects.update(beat_at=now - timedelta(seconds=30))
    found = board(now)
    assert found.silence
    assert {card.state for card in found.queues} == {"unknown"}
    assert {row.subject.state for row in found.tiers.rows} == {"unknown"}
    assert {cell.state for row in found.tiers.rows for cell in row.cells} == {"unknown"}
    assert "Not measured" in viewer.get("/console/").content.decode()


def test_frames_are_stale_when_no_prober_reports() -> None:
    now = timezone.now()
    beat(now - timedelta(minutes=2))
    with pytest.raises(StaleError) as stale:
        queues_content(now)
    assert stale.value.since == now - timedelta(minutes=2)


def test_a_queue_frame_has_what_the_contract_promises() -> None:
    bad_night()
    entries = {entry["slug"]: entry for entry in queues_content(timezone.now())["queues"]}
    promised = {"slug", "depth", "ingress_rate", "ack_rate", "oldest_s", "eta_s", "state"}
    assert promised <= set(entries["inbound"])
    assert entries["webhooks"]["depth"] is None
    assert entries["outbound-transactional"]["depth"] == 18_406


def test_a_frame_and_the_page_render_the_same_fragments(viewer: Client) -> None:
    bad_night()
    now = timezone.now()
    html = tiers_content(now)["html"]["timeline"]
    assert html.strip() in viewer.get("/console/").content.decode()


def test_mail_that_stops_is_drawn_where_it_stops() -> None:
    bad_night()
    QueueState.objects.exclude(monitor__slug="inbound").delete()
    Monitor.objects.filter(kind="queue").exclude(slug="inbound").delete()
    QueueState.objects.update(word="stalled", ack_rate=0.0, sentence="No consumer is connected.", depth=900)
    MonitorState.objects.filter(monitor__slug="inbound").update(verdict="down")
    flow = board(timezone.now()).flow
    assert [stage.is_stopped for stage in flow.stages] == [False, False, True, False]
    assert flow.summary.startswith("Mail stops at sending")


DELIVERIES = [
    pytest.param((281.3, 60.4, 31.4), "373/s", "98.3 % of what goes; growing, short by 125/s", id="all tell"),
    pytest.param((287.0, 61.0, 31.4), "379/s", "all that goes; growing, short by 125/s", id="nothing bounces"),
    pytest.param((286.999, None, None), "287/s", "99.9 % of what goes; told by 1 of 3 queues; growing", id="one tells"),
    pytest.param((0.0, 0.0, 0.0), "0/s", "0 % of what goes; growing", id="everything bounces"),
]


@pytest.mark.parametrize(("rates", "figure", "begins"), DELIVERIES)
def test_what_the_other_side_took_is_the_end_of_the_strip(
    rates: tuple[float | None, ...], figure: str, begins: str
) -> None:
    bad_night()
    for slug, delivered in zip(("outbound-transactional", "outbound-bulk", "inbound"), rates, strict=True):
        QueueState.objects.filter(monitor__slug=slug).update(delivered_rate=delivered)
    stage = board(timezone.now()).flow.stages[-1]
    assert (stage.name, stage.figure) == ("Delivered", figure)
    assert stage.sentence.startswith(begins)


def test_where_no_queue_tells_delivered_from_bounced_the_strip_does_not_either() -> None:
    bad_night()
    QueueState.objects.update(delivered_rate=None)
    assert board(timezone.now()).flow.stages[-1].name == "Drained at this rate"


def test_the_drain_time_stays_beside_what_is_delivered() -> None:
    bad_night()
    Monitor.objects.filter(kind="queue").exclude(slug="outbound-bulk").delete()
    stage = board(timezone.now()).flow.stages[-1]
    assert stage.sentence.startswith("99 % of what goes; drained in 5 min 2 s; in = out")


def test_a_huge_component_shows_only_its_bad_instances() -> None:
    beat(timezone.now())
    many_monitors(50)
    MonitorState.objects.filter(monitor__slug="m49").update(verdict="down", sentence="Refused.")
    row = board(timezone.now()).tiers.rows[0]
    assert [cell.slug for cell in row.cells] == ["m49"]
    assert (row.summary, row.hidden) == ("49 of 50 up", 49)


def test_a_change_told_with_a_clock_of_next_year_does_not_stand_above_the_news() -> None:
    now = timezone.now()
    told = [("now", now - timedelta(minutes=1)), *((f"ahead {n}", now + timedelta(days=300)) for n in range(20))]
    for title, at in told:
        ChangeEvent.objects.create(key=title, title=title, occurred_at=at)
    assert [entry.text for entry in timeline(now)] == ["now"]


def test_of_many_queues_the_board_leads_to_all(viewer: Client) -> None:
    bad_night()
    for number in range(3):
        Monitor.objects.create(slug=f"more-{number}", name="More", kind="queue", options={"source": "push"})
    page = viewer.get("/console/").content.decode()
    assert "more, none of them worse" in page
    assert '<a href="/console/queues/">all</a>' in page


@pytest.mark.parametrize(("age", "said"), [(None, "Delayed"), (timedelta(minutes=3), "Delayed, oldest 3 min")])
def test_what_is_late_says_how_late_where_that_is_known(age: timedelta | None, said: str) -> None:
    bad_night()
    QueueState.objects.update(word="delayed", oldest_at=None if age is None else F("at") - age)
    assert board(timezone.now()).flow.stages[1].sentence == said


def test_what_happens_to_many_at_once_is_one_entry() -> None:
    now = timezone.now()
    beat(now)
    many_monitors(5)
    for monitor in Monitor.objects.all():
        change(monitor, "up", "down", "No answer within 2 s.", now - timedelta(seconds=monitor.pk % 5))
    entries = timeline(now)
    assert [entry.subject.split(", ", 1)[1].split(" ", 1)[1] for entry in entries] == ["and 3 more"]


def test_a_queue_that_is_asked_once_a_minute_has_a_line_and_not_dots() -> None:
    now = timezone.now()
    points = [SparkPoint(int(now.timestamp()) - 900 + n * 10, 5 if n % 6 == 0 else None, None, 2.0) for n in range(90)]
    assert spark(points, now).edge.count("M") == 1


def test_a_steady_queue_is_not_called_growing() -> None:
    now = timezone.now()
    beat(now)
    queue(QUEUES[2] | {"eta_s": None, "net_rate": -0.2}, now)
    assert [card.drained for card in board(now).queues] == ["steady"]


def test_an_open_finding_is_shown_until_it_ends(viewer: Client) -> None:
    now = timezone.now()
    bad_night(now)
    Finding.objects.create(kind="queue_loss", subject="inbound", title="inbound: 1 message lost", started_at=now)
    assert "Open findings" in viewer.get("/console/").content.decode()
    Finding.objects.update(ended_at=now)
    assert "Open findings" not in viewer.get("/console/").content.decode()


def test_the_drawer_reads_a_day_and_gives_it_as_csv(viewer: Client) -> None:
    bad_night()
    page = viewer.get("/console/queues/inbound/").content.decode()
    assert page.count('class="series"') == 2
    lines = viewer.get("/console/queues/inbound/samples.csv").content.decode().splitlines()
    assert lines[0] == "minute_utc,depth_min,depth_max,depth_last,ingress_rate,ack_rate,oldest_s"
    assert len(lines) > 1_400


def test_a_drawer_of_no_queue_is_not_found(viewer: Client) -> None:
    assert viewer.get("/console/queues/none/").status_code == 404
