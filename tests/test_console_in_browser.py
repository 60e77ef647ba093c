"""The console and the public page in a real browser: nothing for axe to find, nothing wider than a phone."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.utils import timezone
from playwright.sync_api import Browser, Page, expect

from monitors.models import ChangeEvent, Component, Finding, Monitor
from statuspage.models import User
from statuspage.roles import Role
from statuspage.services.access import end_sessions, set_role
from tests import mail_platform
from tests.browser import PHONE, WIDE, LiveServer, overflow, violations

pytestmark = pytest.mark.browser
PAGES = {
    "public": "/",
    "monitors": "/console/monitors/",
    "monitor": "/console/monitors/api-b/",
    "monitor-edit": "/console/monitors/api-b/edit/",
    "components": "/console/components/",
    "component": "/console/components/api/",
    "queues": "/console/queues/",
    "domains": "/console/domains/",
    "api": "/api/v1/docs",
    "people": "/console/people/",
    "tokens": "/console/tokens/",
    "account": "/account/2fa/",
    "password": "/account/password/set/",
    "authenticator": "/account/2fa/totp/activate/",
    "passkey": "/account/2fa/webauthn/add/",
    "not-found": "/console/monitors/none/",
    "link": "/sign-in/none/",
}
STRANGERS_PAGES = {
    "login": "/account/login/",
    "forgotten": "/account/password/forgotten/",
    "sign-up": "/account/signup/",
}
VIEWS = {"wide light": (WIDE, "light"), "phone dark": (PHONE, "dark")}
if os.environ.get("PICTURES"):
    VIEWS |= {"wide dark": (WIDE, "dark"), "phone light": (PHONE, "light")}


@pytest.fixture
def platform(browser: Browser, operator: User) -> None:
    """The platform, seen by an admin, who sees every page.

    The browser comes first: Playwright's loop gives this thread a database connection of its own,
    and what was opened before it would not be closed after it.
    """
    set_role(operator, Role.ADMIN)
    mail_platform.build(timezone.now())


@pytest.mark.parametrize("view", VIEWS)
def test_every_page_is_accessible_and_fits(platform: None, open_page: Callable[..., Page], view: str) -> None:
    """One test for all pages of a view. PICTURES in the environment names a directory that keeps what was seen."""
    size, scheme = VIEWS[view]
    page = open_page("/", size=size, scheme=scheme)
    found = {}
    for name, path in (PAGES | STRANGERS_PAGES).items():
        if name in STRANGERS_PAGES:
            page.context.clear_cookies()
        page.goto(path)
        if os.environ.get("PICTURES"):
            page.screenshot(path=Path(os.environ["PICTURES"]) / f"{name}-{view.replace(' ', '-')}.png", full_page=True)
        found[name] = [*violations(page), *([f"{overflow(page)['x']} px too wide"] if overflow(page)["x"] else [])]
    assert {name: problems for name, problems in found.items() if problems} == {}


@pytest.mark.parametrize("view", VIEWS)
def test_a_long_name_without_a_space_pushes_no_page_wide(
    platform: None, open_page: Callable[..., Page], view: str
) -> None:
    size, scheme = VIEWS[view]
    Component.objects.update(name="unbroken" * 12)
    Monitor.objects.update(name="unbroken" * 25)
    Finding.objects.create(kind="k", subject="unbroken" * 30, title="unbroken" * 37, started_at=timezone.now())
    ChangeEvent.objects.create(key="k", title="unbroken" * 37, source="s" * 200, occurred_at=timezone.now())
    page = open_page("/", size=size, scheme=scheme)
    paths = (
        "/console/",
        *PAGES.values(),
        *(f"/console/queues/{queue.slug}/" for queue in Monitor.objects.filter(kind="queue")),
    )
    wide = {}
    for path in paths:
        page.goto(path)
        wide[path] = overflow(page)["x"]
    assert {path: pixels for path, pixels in wide.items() if pixels} == {}


def test_the_latency_of_a_list_stays_in_sight_beside_a_long_name(
    platform: None, open_page: Callable[..., Page]
) -> None:
    Monitor.objects.filter(slug="api-b").update(name="unbroken" * 25)
    page = open_page("/console/monitors/")
    expect(page.get_by_role("columnheader", name="Latency")).to_be_in_viewport(ratio=1)


def test_the_menu_opens_without_a_script(platform: None, open_page: Callable[..., Page]) -> None:
    page = open_page("/console/monitors/", size=PHONE)
    expect(page.get_by_role("link", name="Components")).to_be_hidden()
    page.get_by_role("button", name="Menu").click()
    page.get_by_role("link", name="Components").click()
    expect(page.get_by_role("heading", level=1, name="Components")).to_be_visible()


def test_times_are_shown_in_the_readers_zone(platform: None, open_page: Callable[..., Page]) -> None:
    page = open_page("/console/monitors/api-b/")
    shown = page.locator('time[data-show="for"]').first
    expect(shown).to_have_text(re.compile(r"8 min( \d s)?"))
    assert shown.get_attribute("title").endswith("UTC")


def test_typing_filters_the_list_in_place(platform: None, open_page: Callable[..., Page]) -> None:
    page = open_page("/console/monitors/")
    page.get_by_role("searchbox").press_sequentially("smtp")
    expect(page.locator(".monitors tbody tr")).to_have_count(2)
    assert "q=smtp" in page.url
    assert "q=smtp" in str(page.get_by_role("link", name="CSV").get_attribute("href"))


def test_a_list_that_gets_no_answer_says_so_and_recovers(
    platform: None, open_page: Callable[..., Page], server: LiveServer
) -> None:
    page = open_page("/console/monitors/")
    server.stop()
    expect(page.locator(".live")).to_contain_text("stale since", timeout=8_000)
    server.start()
    expect(page.locator(".live")).to_have_text("every 5 s", timeout=8_000)


def test_whose_sessions_were_ended_is_led_to_the_door(
    platform: None, open_page: Callable[..., Page], operator: User
) -> None:
    page = open_page("/console/monitors/")
    end_sessions(operator)
    page.wait_for_url("**/account/login/**", timeout=8_000)
    expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
