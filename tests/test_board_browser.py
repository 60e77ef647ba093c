"""The board in a real browser: it moves by itself, says when it does not, and is readable on a desk and a phone."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser import PHONE, LiveServer, overflow, violations
from tests.scene import bad_night, deploy, set_depth, set_verdict

OpenPage = Callable[..., Page]
WEBSOCKET_GONE = """window.WebSocket = class extends EventTarget {
    constructor() { super(); setTimeout(() => this.dispatchEvent(new CloseEvent("close")), 5); }
    close() {}
};"""

pytestmark = [pytest.mark.browser]

expect.set_options(timeout=20_000)


@pytest.fixture
def board(open_page: OpenPage) -> Page:
    bad_night(beats_for_s=600)
    page = open_page("/console/")
    expect(page.locator("#live.live-now")).to_be_visible()
    return page


def test_figures_move_without_reload(board: Page) -> None:
    board.evaluate("window.same = true")
    set_depth("inbound", 4_711, 55.0)
    card = board.locator("#queue-inbound")
    expect(card).to_contain_text("4,711")
    expect(card).to_contain_text("55/s")
    assert board.evaluate("window.same"), "the page was not loaded anew"


def test_a_change_of_state_shows_in_tiers_and_timeline(board: Page) -> None:
    set_verdict("smtp-a", "down", "No banner within 5 s.")
    expect(board.locator("#tiers .cell.down", has_text="smtp-a")).to_be_visible()
    expect(board.locator("#timeline li").first).to_contain_text("smtp-a")


def test_cutting_the_server_shows_stale_and_it_recovers_by_itself(board: Page, server: LiveServer) -> None:
    board.evaluate("window.same = true")
    server.stop()
    expect(board.locator("#live-word")).to_have_text(re.compile(r"stale since \d\d:\d\d:\d\d"), timeout=5_000)
    expect(board.locator("#board")).to_have_class(re.compile("is-stale"))
    server.start()
    expect(board.locator("#live.live-now")).to_be_visible(timeout=15_000)
    set_depth("inbound", 333, 1.0)
    expect(board.locator("#queue-inbound")).to_contain_text("333")
    assert board.evaluate("window.same")


def test_without_websockets_it_polls_and_says_so(open_page: OpenPage) -> None:
    bad_night(beats_for_s=600)
    page = open_page("/console/", before=WEBSOCKET_GONE)
    set_depth("inbound", 4_712, 5.0)
    expect(page.locator("#live-word")).to_have_text("polling every 10 s", timeout=15_000)
    expect(page.locator("#queue-inbound")).to_contain_text("4,712")


def test_without_script_the_page_is_whole_and_reloads(open_page: OpenPage) -> None:
    bad_night(beats_for_s=600)
    page = open_page("/console/", java_script_enabled=False)
    expect(page.locator("#queue-outbound-transactional")).to_contain_text("18,406")
    assert page.locator("noscript meta[http-equiv=refresh]").count() or "refresh" in page.content()
    page.click("#open-inbound")
    expect(page.locator("svg.series").first).to_be_visible()


def test_the_sandbox_sized_board_needs_no_scrolling_on_a_desk(board: Page) -> None:
    assert overflow(board) == {"x": 0, "y": 0}
    for number in range(12):
        set_verdict(
            "smtp-a", ("down", "up")[number % 2], f"A sentence of two lines about what happened, number {number}."
        )
    expect(board.locator("#timeline li").first).to_contain_text("smtp-a")
    assert overflow(board) == {"x": 0, "y": 0}


def test_nothing_overflows_on_a_phone(open_page: OpenPage) -> None:
    bad_night(beats_for_s=600)
    assert overflow(open_page("/console/", size=PHONE))["x"] == 0


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_board_and_drawer(open_page: OpenPage, scheme: str) -> None:
    bad_night(beats_for_s=600)
    page = open_page("/console/", scheme=scheme)
    expect(page.locator("#live.live-now")).to_be_visible()
    assert violations(page) == []
    page.click("#open-inbound")
    expect(page.locator("dialog[open] .chart-wide svg.series")).to_be_visible()
    assert violations(page) == []


def test_the_drawer_is_read_by_pointer_and_by_keyboard(board: Page) -> None:
    board.click("#open-outbound-transactional")
    chart = board.locator("dialog[open] [data-chart]")
    chart.focus()
    board.keyboard.press("Home")
    first = chart.locator("output").text_content()
    board.keyboard.press("End")
    last = chart.locator("output").text_content()
    assert first != last
    assert last is not None
    assert "waiting" in last
    assert "ack" in last
    chart.locator("svg.series").first.hover()
    assert chart.locator("output").text_content() not in {first, last}
    board.keyboard.press("Escape")
    expect(board.locator("#drawer")).not_to_be_visible()
    expect(board.locator("#open-outbound-transactional")).to_be_focused()


@pytest.mark.parametrize("path", ["/console/", "/console/queues/inbound/"], ids=["drawer", "page"])
def test_an_open_chart_renews_itself_and_keeps_what_is_read(open_page: OpenPage, path: str) -> None:
    bad_night(beats_for_s=600)
    page = open_page(path)
    if path == "/console/":
        page.click("#open-inbound")
    chart = page.locator("[data-chart]")
    page.locator("details summary").click()
    chart.focus()
    for key in ("End", "ArrowLeft", "ArrowLeft", "ArrowLeft"):
        page.keyboard.press(key)
    reading = chart.locator("output").text_content()
    drawn_at = chart.locator(".chart-wide .crosshair").get_attribute("data-at")
    page.evaluate("document.querySelector('.chart-wide svg').old = true")
    deploy("api 4.18 to production")
    expect(page.locator("#queue-happenings")).to_contain_text("api 4.18 to production")
    assert page.evaluate("document.querySelector('.chart-wide svg').old") is None, "the chart was drawn anew"
    assert chart.locator("output").text_content() == reading
    assert chart.locator(".chart-wide .crosshair").get_attribute("data-at") == drawn_at
    expect(chart).to_be_focused()
    expect(page.locator("#queue-hours")).to_be_visible()
    page.keyboard.press("ArrowRight")
    assert chart.locator("output").text_content() != reading


def test_the_figures_of_an_open_drawer_move_with_the_board(board: Page) -> None:
    board.click("#open-inbound")
    expect(board.locator("dialog[open] .chart-wide svg.series")).to_be_visible()
    set_depth("inbound", 4_713, 55.0)
    expect(board.locator("#queue-now")).to_contain_text("4,713", timeout=5_000)


def test_a_closed_drawer_stays_closed_when_its_last_question_is_answered(board: Page) -> None:
    board.click("#open-inbound")
    expect(board.locator("dialog[open] .chart-wide svg.series")).to_be_visible()
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    board.route("**/console/queues/inbound/", hold)
    with board.expect_request("**/console/queues/inbound/", timeout=20_000):
        pass
    board.keyboard.press("Escape")
    expect(board.locator("#drawer-body > *")).to_have_count(0)
    with board.expect_response("**/console/queues/inbound/"):
        held[0].continue_()
    set_depth("inbound", 4_714, 55.0)
    expect(board.locator("#queue-inbound")).to_contain_text("4,714")
    expect(board.locator("#drawer")).not_to_be_visible()


def test_a_session_that_ends_leads_to_the_sign_in_page(board: Page) -> None:
    from django.contrib.sessions.models import Session

    Session.objects.all().delete()
    expect(board).to_have_url(re.compile("/account/login/"), timeout=10_000)


def test_the_keyboard_stays_where_it_was_when_tiers_are_drawn_anew(board: Page) -> None:
    link = board.locator("a[id^=cell-]").first
    link.focus()
    set_verdict("smtp-a", "down", "No banner within 5 s.")
    expect(board.locator("#tiers .cell.down", has_text="smtp-a")).to_be_visible()
    expect(link).to_be_focused()
