"""The board in a real browser: it moves by itself, says when it does not, and is readable on a desk and a phone."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser import PHONE, LiveServer, overflow, violations
from tests.scene import bad_night, set_depth, set_verdict

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
