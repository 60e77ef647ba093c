"""A supervisor shows what its children say, starts the dead again, and ends all of them, in order and for sure."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from statuspage import supervisor
from statuspage.supervisor import Child, Supervisor
from tests.waiting import wait_until

SLEEP = "import time; time.sleep(60)"


class Stage:
    """Runs children that are small programs in Python, until `until` is true of what was said."""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []

    def run(self, programs: dict[str, str], until: Callable[[], object], last: tuple[str, ...] = ()) -> Supervisor:
        children = [Child(name, [sys.executable, "-uc", text], name in last) for name, text in programs.items()]
        running = Supervisor(children, lambda name, line: self.said.append((name, line)), {"GIVEN": "by us"})
        limit = threading.Timer(20, setattr, (running, "is_stopping", True))
        limit.start()

        def look() -> None:
            running.is_stopping = running.is_stopping or bool(until())

        running.run([look])
        limit.cancel()
        return running

    def lines(self, name: str) -> list[str]:
        return [line for said_by, line in self.said if said_by == name]


@pytest.fixture
def stage() -> Stage:
    return Stage()


def alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/status")
    return status.exists() and "State:\tZ" not in status.read_text()


def test_lines_come_under_the_name_of_their_child_with_its_surroundings(stage: Stage) -> None:
    program = "import os, sys; print(os.environ['GIVEN']); print('wrong', file=sys.stderr)\n" + SLEEP
    stage.run({"one": program}, lambda: len(stage.lines("one")) == 2)
    assert stage.lines("one") == ["by us", "wrong"]


def test_the_last_words_of_a_child_are_shown_without_a_newline_too(stage: Stage) -> None:
    stage.run({"one": "import sys; sys.stdout.write('dying')"}, lambda: stage.lines("up"))
    assert stage.lines("one") == ["dying"]


def test_many_last_words_are_shown_to_the_end(stage: Stage) -> None:
    program = "import os, fcntl; fcntl.fcntl(1, 1031, 1 << 19); os.write(1, b'word\\n' * 60_000)"
    stage.run({"one": program}, lambda: stage.lines("up"))
    assert len(stage.lines("one")) == 60_000


def test_a_long_line_stays_whole(stage: Stage) -> None:
    stage.run({"one": f"print('x' * 300_000); {SLEEP}"}, lambda: stage.lines("one"))
    assert [len(line) for line in stage.lines("one")] == [300_000]


def test_a_child_that_dies_is_started_again_after_a_pause_that_grows(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "BACK_OFF_MAX_S", 1.0)
    stage.run({"one": "raise SystemExit(3)"}, lambda: len(stage.lines("up")) == 3)
    assert stage.lines("up") == [
        f"one ended with status 3, starting it again in {pause} s" for pause in ("0.5", "1", "1")
    ]


def test_a_child_that_does_not_end_is_killed_and_named(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(supervisor, "END_WITHIN_S", 0.3)
    stubborn = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('up'); {SLEEP}"
    ended = stage.run({"one": stubborn}, lambda: stage.lines("one"))
    assert stage.lines("up") == ["one did not end in time and is killed"]
    assert ended.children[0].process is None


def test_what_watches_ends_before_what_it_watches(stage: Stage) -> None:
    polite = (
        f"import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('end'))); print('up'); {SLEEP}"
    )
    names = ("watched", "watcher")
    stage.run(dict.fromkeys(names, polite), lambda: all(stage.lines(name) for name in names), last=("watched",))
    assert [name for name, line in stage.said if line == "end"] == ["watcher", "watched"]


def test_what_a_dead_child_leaves_in_its_group_is_swept(stage: Stage) -> None:
    program = f"import subprocess, sys; print(subprocess.Popen([sys.executable, '-c', {SLEEP!r}]).pid)"
    stage.run({"one": program}, lambda: stage.lines("up"))
    left = int(stage.lines("one")[0])
    wait_until(lambda: not alive(left))
