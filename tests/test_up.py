"""`manage.py up` is one command that starts everything, keeps it alive, and leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
import requests

from statuspage.database import embedded
from statuspage.database.cluster import postmaster_lines
from statuspage.database.place import Place
from tests.running import CHECKOUT, CROWD, Up
from tests.waiting import wait_until

BACK_WITHIN_S = 10 * CROWD
ENDED_WITHIN_S = 10 * CROWD


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Up]:
    running = Up(tmp_path_factory.mktemp("up"))
    try:
        yield running.start()
    finally:
        running.end()
        running.sweep()


@pytest.fixture
def fresh(tmp_path: Path) -> Iterator[Up]:
    running = Up(tmp_path)
    yield running
    running.sweep()


def rows(up: Up, sql: str) -> list[tuple[object, ...]]:
    with psycopg.connect(embedded.url(Place(up.data))) as connection:
        return connection.execute(sql).fetchall()


def sign_in(link: str) -> requests.Response:
    browser = requests.Session()
    page = browser.get(link, timeout=20).text
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert token, page
    answer = browser.post(link, {"csrfmiddlewaretoken": token[1]}, headers={"Referer": link}, timeout=20)
    if answer.ok:
        assert browser.get(answer.url, timeout=20).status_code == 200
    return answer


def test_the_printed_link_signs_in_once(up: Up) -> None:
    assert f"Standpipe is at {up.address}/" in up.said
    first = sign_in(up.link)
    assert (first.status_code, first.url) == (200, f"{up.address}/console/")
    assert sign_in(up.link).status_code == 410


def test_the_public_page_is_open_and_the_console_closed(up: Up) -> None:
    page = up.get("/")
    assert page.status_code == 200
    sheet = re.search(r'href="(/static/[^"]+\.css)"', page.text)
    assert sheet
    assert up.get(sheet[1]).status_code == 200
    console = up.get("/console/")
    assert (console.status_code, console.headers["Location"]) == (302, "/account/login/?next=/console/")


def test_what_is_configured_is_judged(up: Up) -> None:
    judged = "SELECT verdict FROM monitors_monitorstate"
    wait_until(lambda: rows(up, judged) == [("up",)], within=1.5 * BACK_WITHIN_S)


def test_every_process_says_what_it_does_under_its_name(up: Up) -> None:
    for name in ("up", "web", "prober", "responder"):
        wait_until(lambda name=name: re.search(rf"^{name} +\| ", up.said, re.MULTILINE), within=10)


def test_nobody_else_may_read_the_data_directory_of_the_database(up: Up) -> None:
    assert (up.data / "postgres").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(("word", "name"), [("serve", "web"), ("probe", "prober"), ("respond", "responder")])
def test_a_child_that_is_killed_is_back_within_ten_seconds(up: Up, word: str, name: str) -> None:
    (pid,) = wait_until(lambda: up.pids(f"manage.py {word}"), within=BACK_WITHIN_S)
    os.kill(pid, signal.SIGKILL)
    back = wait_until(lambda: [new for new in up.pids(f"manage.py {word}") if new != pid], within=BACK_WITHIN_S)
    wait_until(up.is_answering, within=BACK_WITHIN_S)
    assert len(back) == 1
    assert f"{name} ended by signal 9, starting it again in" in up.said


def test_a_database_that_is_killed_is_back_within_ten_seconds(up: Up) -> None:
    pid = int(postmaster_lines(Place(up.data))[0])
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: "the database ended and was started again" in up.said, within=BACK_WITHIN_S)
    wait_until(lambda: up.get("/readyz").status_code == 200, within=BACK_WITHIN_S)


def test_a_guardian_that_is_killed_is_back_within_ten_seconds(up: Up) -> None:
    (pid,) = up.pids("statuspage.database.guardian")
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: "the guardian of the database is gone, starting another" in up.said, within=BACK_WITHIN_S)
    wait_until(lambda: up.get("/readyz").status_code == 200, within=BACK_WITHIN_S)


def test_liveness_is_answered_while_the_database_is_stopped(up: Up) -> None:
    server = int(postmaster_lines(Place(up.data))[0])
    (guardian,) = up.pids("statuspage.database.guardian")
    for pid in (guardian, server):
        os.kill(pid, signal.SIGSTOP)
    try:
        assert up.get("/healthz").text == "alive\n"
    finally:
        for pid in (server, guardian):
            os.kill(pid, signal.SIGCONT)


def test_a_port_that_is_taken_is_named_before_anything_starts(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = subprocess.run(
            [sys.executable, "manage.py", "up", "--port", str(port)],
            check=False,
            cwd=CHECKOUT,
            env=os.environ | {"STANDPIPE_DATA_DIR": str(tmp_path / "data")},
            capture_output=True,
            text=True,
        )
    assert done.returncode == 1
    assert done.stderr == (
        f"standpipe: port {port} on 127.0.0.1 cannot be used (Address already in use):"
        " stop the other program, or choose another with --port\n"
    )
    assert not (tmp_path / "data" / "postgres").exists()


def test_it_ends_whole_starts_again_and_ends_whole_when_killed(fresh: Up) -> None:
    """One story, because each start of an own database takes seconds."""
    fresh.start()
    wait_until(lambda: rows(fresh, "SELECT 1 FROM monitors_processbeat WHERE role = 'prober'"), within=BACK_WITHIN_S)

    asked_at = time.monotonic()
    assert fresh.end() == 0
    assert time.monotonic() - asked_at < ENDED_WITHIN_S
    assert fresh.processes() == {}
    assert not (fresh.data / "postgres" / "postmaster.pid").exists(), "the database did not end cleanly"

    fresh.start()
    assert rows(fresh, "SELECT role FROM monitors_processbeat WHERE beat_at < now() - interval '5 s'") == []
    assert fresh.process is not None
    fresh.process.kill()
    fresh.process.wait()
    wait_until(lambda: fresh.processes() == {}, within=ENDED_WITHIN_S, reason="left behind by kill -9")
    fresh.start()
    assert fresh.get("/readyz").status_code == 200
    assert fresh.end() == 0
