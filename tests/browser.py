"""Own the browser tests' ground: our real application on a loopback port, a signed-in page, axe, pictures."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from django.test import Client
from playwright.sync_api import Browser, Page, sync_playwright

from tests.peers import Chromium
from tests.peers.peer import free_port
from tests.waiting import wait_until

WIDE = {"width": 1440, "height": 900}
PHONE = {"width": 375, "height": 812}
AXE_TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]


class LiveServer:
    """`statuspage.asgi` under uvicorn in a thread of this process, and so on the test database."""

    def __init__(self) -> None:
        self.port = free_port()
        self.server: uvicorn.Server | None = None
        self.thread: threading.Thread | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def websocket_url(self) -> str:
        return f"ws://127.0.0.1:{self.port}"

    def start(self) -> None:
        config = uvicorn.Config(
            "statuspage.asgi:application",
            host="127.0.0.1",
            port=self.port,
            log_level="error",
            lifespan="off",
            ws="websockets-sansio",
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=1,
        )
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=asyncio.run, args=(self.server.serve(),), daemon=True)
        self.thread.start()
        wait_until(lambda: self.server is not None and self.server.started, within=15)

    def stop(self) -> None:
        """Cut every connection, as a machine that dies does."""
        if self.server and self.thread:
            self.server.should_exit = self.server.force_exit = True
            self.thread.join(timeout=10)
            assert not self.thread.is_alive(), "the server did not end"
        self.server = self.thread = None


@pytest.fixture(scope="session")
def static_files() -> None:
    """What an earlier `manage.py up` collected in this checkout may be older than the sources."""
    from statuspage.starting import collect_static_files

    collect_static_files()


@pytest.fixture
def server(transactional_db: None, static_files: None) -> Iterator[LiveServer]:
    running = LiveServer()
    running.start()
    yield running
    running.stop()


@pytest.fixture
def operator(transactional_db: None) -> Any:
    """A person with the operator's role, known to the test database."""
    from statuspage.roles import Role
    from statuspage.services.access import add_person

    return add_person("maria", "", Role.OPERATOR)


@pytest.fixture
def session_cookie(operator: Any) -> str:
    client = Client()
    client.force_login(operator)
    return client.cookies["sessionid"].value


@pytest.fixture
def browser(chromium: Chromium, monkeypatch: pytest.MonkeyPatch) -> Iterator[Browser]:
    # Playwright's loop is seen as running by Django, though the test itself is not asynchronous.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    with sync_playwright() as playwright:
        browser = playwright.chromium.connect_over_cdp(chromium.url)
        yield browser


@pytest.fixture
def open_page(browser: Browser, server: LiveServer, session_cookie: str) -> Iterator[Callable[..., Page]]:
    """`open_page("/console/", size=PHONE, scheme="dark")`: a signed-in page; an error in its script fails the test.

    `before` is script that runs before the page's own.
    """
    contexts, errors = [], []

    def opened(path: str, size: dict[str, int] = WIDE, scheme: str = "light", before: str = "", **options: Any) -> Page:
        context = browser.new_context(
            viewport=size, color_scheme=scheme, base_url=server.url, locale="en-GB", timezone_id="UTC", **options
        )
        contexts.append(context)
        context.add_cookies([{"name": "sessionid", "value": session_cookie, "url": server.url}])
        page = context.new_page()
        page.on("pageerror", lambda error: errors.append(str(error)))
        if before:
            page.add_init_script(before)
        page.goto(path)
        return page

    yield opened
    for context in contexts:
        with contextlib.suppress(Exception):
            context.close()
    assert not errors


def violations(page: Page) -> list[str]:
    """What axe finds on the page as it stands, one line each; an empty list is the wish."""
    from axe_playwright_python.sync_playwright import Axe

    found = Axe().run(page, options={"runOnly": {"type": "tag", "values": AXE_TAGS}}).response["violations"]
    return [
        f"{problem['id']}: {problem['help']}: {node['html'][:160]} {node.get('failureSummary', '')[:200]}"
        for problem in found
        for node in problem["nodes"]
    ]


def overflow(page: Page) -> dict[str, int]:
    """By how many pixels the page is larger than its window, each way."""
    return page.evaluate(
        "() => { const r = document.documentElement;"
        " return {x: r.scrollWidth - r.clientWidth, y: r.scrollHeight - r.clientHeight} }"
    )


def pictures(open_page: Callable[..., Page], path: str, directory: Path, prepare: Callable[[Page], None]) -> list[Path]:
    """1440 and 375 px wide, light and dark: four files named after size and scheme."""
    taken = []
    for name, size in (("wide", WIDE), ("phone", PHONE)):
        for scheme in ("light", "dark"):
            page = open_page(path, size=size, scheme=scheme)
            prepare(page)
            taken.append(directory / f"{name}-{scheme}.png")
            page.screenshot(path=taken[-1], full_page=name == "phone")
            page.close()
    return taken
