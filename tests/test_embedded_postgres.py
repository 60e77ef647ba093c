"""The embedded PostgreSQL starts when needed, survives kill -9 of anything, and says in one line why it cannot."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from statuspage.database import cluster, embedded
from statuspage.database.place import SOCKET_PATH_MAX, Place
from tests.running import CROWD
from tests.waiting import wait_until

CHECKOUT = Path(__file__).resolve().parent.parent
USE_UNTIL_KILLED = """
import sys, time, pathlib
from statuspage.database import embedded
from statuspage.database.place import Place
embedded.ensure(Place(pathlib.Path(sys.argv[1])))
print("using", flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One cluster for this file: making it takes longer than all that the tests do with it."""
    return tmp_path_factory.mktemp("own") / "d"


@pytest.fixture
def place(root: Path) -> Iterator[Place]:
    """The cluster with nobody using it, before and after."""
    place = Place(root)
    yield place
    assert embedded.release(place, within_s=embedded.STOP_WITHIN_S * CROWD)


def user_of(place: Place) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", USE_UNTIL_KILLED, str(place.root)], cwd=CHECKOUT, stdout=subprocess.PIPE, text=True
    )


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.communicate()


def postmaster(place: Place) -> int:
    return int(cluster.postmaster_lines(place)[0])


def guardian_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def answer_to(place: Place, sql: str) -> object:
    with psycopg.connect(embedded.url(place)) as connection:
        row = connection.execute(sql).fetchone()
        return row and row[0]


def run_manage(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        check=False,
        cwd=CHECKOUT,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_the_last_user_that_is_killed_takes_the_server_along(place: Place) -> None:
    user = user_of(place)
    assert user.stdout is not None
    assert user.stdout.readline() == "using\n"
    pid = postmaster(place)
    kill(user)
    wait_until(lambda: not embedded.is_guarded(place), within=10 * CROWD)
    assert not Path(f"/proc/{pid}").exists()
    assert not (place.data / "postmaster.pid").exists(), "the end was not a clean one"


def test_two_first_users_at_once_share_one_server(place: Place) -> None:
    users = [user_of(place), user_of(place)]
    assert [user.stdout and user.stdout.readline() for user in users] == ["using\n", "using\n"]
    pid = postmaster(place)
    kill(users[0])
    time.sleep(1.5)  # longer than the guardian waits when it believes that nobody is left
    assert postmaster(place) == pid
    assert answer_to(place, "SELECT 1") == 1
    kill(users[1])


def test_no_other_account_reads_the_log_or_holds_the_lock(place: Place) -> None:
    embedded.ensure(place)
    assert [stat.S_IMODE(file.stat().st_mode) for file in (place.log, place.guard, place.users)] == [0o600] * 3


def test_a_server_that_is_killed_is_started_again_with_its_data(place: Place) -> None:
    embedded.ensure(place)
    with psycopg.connect(embedded.url(place)) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS n")
    pid = postmaster(place)
    os.kill(pid, signal.SIGKILL)
    wait_until(
        lambda: cluster.postmaster_lines(place)[:1] != [str(pid)] and embedded.is_answering(place), within=10 * CROWD
    )
    assert answer_to(place, "SELECT n FROM kept") == 7


def test_after_kill_9_of_guardian_and_server_the_next_start_needs_no_hand(place: Place) -> None:
    embedded.ensure(place)
    pid = postmaster(place)
    guardian = guardian_of(pid)
    for victim in (guardian, pid):
        os.kill(victim, signal.SIGKILL)
    wait_until(lambda: not embedded.is_guarded(place))
    embedded.release(place)
    embedded.ensure(place)
    assert answer_to(place, "SELECT 1") == 1


def test_a_guardian_that_is_killed_takes_the_server_along(place: Place) -> None:
    embedded.ensure(place)
    pid = postmaster(place)
    os.kill(guardian_of(pid), signal.SIGKILL)
    wait_until(lambda: not Path(f"/proc/{pid}").exists(), within=10 * CROWD)
    assert not (place.data / "postmaster.pid").exists(), "the end was not a clean one"


@pytest.mark.parametrize("files", [1, 100, 300, 600])
def test_a_guardian_that_is_killed_while_it_makes_the_cluster_is_followed_by_one_that_makes_it(
    tmp_path: Path, files: int
) -> None:
    place = Place(tmp_path)
    command = [sys.executable, "-m", "statuspage.database.guardian", str(place.root)]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as guardian:
        wait_until(lambda: files_of(tmp_path / "postgres.new") >= files or place.data.exists(), within=20 * CROWD)
        kill(guardian)
    embedded.ensure(place)
    assert answer_to(place, "SELECT 1") == 1
    assert embedded.release(place, within_s=embedded.STOP_WITHIN_S * CROWD)


def files_of(directory: Path) -> int:
    return sum(len(names) for _, _, names in os.walk(directory))


def test_a_zombie_that_nobody_buries_does_not_block_the_start(place: Place) -> None:
    """As in a container whose first process is no init: the killed server keeps its number."""
    embedded.ensure(place)
    lines = cluster.postmaster_lines(place)
    assert embedded.release(place, within_s=embedded.STOP_WITHIN_S * CROWD)
    with subprocess.Popen([sys.executable, "-c", ""]) as zombie:
        wait_until(lambda: "State:\tZ" in Path(f"/proc/{zombie.pid}/status").read_text())
        for file in (place.data / "postmaster.pid", place.data / ".s.PGSQL.5432.lock"):
            file.write_text("\n".join([str(zombie.pid), *lines[1:], ""]))
        embedded.ensure(place)
    assert answer_to(place, "SELECT 1") == 1


def test_a_pid_that_went_to_another_program_does_not_block_the_start(place: Place) -> None:
    """As after the restart of a container, where numbers begin again."""
    embedded.ensure(place)
    lines = cluster.postmaster_lines(place)
    assert embedded.release(place, within_s=embedded.STOP_WITHIN_S * CROWD)
    (place.data / "postmaster.pid").write_text("\n".join([str(os.getpid()), *lines[1:], ""]))
    embedded.ensure(place)
    assert answer_to(place, "SELECT 1") == 1


def test_a_directory_that_another_server_runs_on_is_refused(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    embedded.ensure(place)
    monkeypatch.setattr(cluster, "VANISH_WITHIN_S", 0.1)
    with pytest.raises(cluster.StartRefusedError, match=r"is locked by another PostgreSQL, process \d+: stop it"):
        cluster.prepare(place, print)


def test_a_directory_made_by_another_major_version_is_refused(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.data.mkdir()
    (place.data / "PG_VERSION").write_text("16\n")
    with pytest.raises(embedded.DatabaseRefusedError, match="was made by PostgreSQL 16, this Standpipe brings 18"):
        embedded.ensure(place)


def test_a_directory_of_something_else_is_refused(tmp_path: Path) -> None:
    place = Place(tmp_path)
    place.data.mkdir()
    with pytest.raises(embedded.DatabaseRefusedError, match="is not a database directory: move it away"):
        embedded.ensure(place)


def test_a_full_disk_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "FREE_AT_LEAST", 1 << 60)
    with pytest.raises(cluster.StartRefusedError, match=r"the disk that holds .* is full: free"):
        cluster.prepare(Place(tmp_path), print)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        pytest.param(
            "x FATAL:  could not write lock file: No space left on device",
            "the disk that holds",
            id="server, disk full",
        ),
        pytest.param("initdb: error: No space left on device", "the disk that holds", id="initdb, disk full"),
        pytest.param("2026 [1] FATAL:  bogus setting", "did not start: bogus setting", id="fatal"),
        pytest.param("", "did not start: no reason given", id="silent"),
    ],
)
def test_a_reason_is_one_line(said: str, reason: str) -> None:
    line = cluster.reason_in(said, Place(Path("/srv/x")))
    assert reason in line
    assert "\n" not in line


def test_a_long_path_gets_a_short_socket(tmp_path: Path) -> None:
    place = Place(tmp_path / ("long" * 30))
    assert len(str(place.socket_dir)) < SOCKET_PATH_MAX
    embedded.ensure(place)
    assert answer_to(place, "SELECT 1") == 1
    assert embedded.release(place, within_s=embedded.STOP_WITHIN_S * CROWD)
    assert not place.socket_dir.exists()


def test_a_socket_directory_of_somebody_else_is_refused(tmp_path: Path) -> None:
    trap = tmp_path / "trap"
    trap.symlink_to(tmp_path)
    with pytest.raises(cluster.StartRefusedError, match="belongs to somebody else"):
        cluster.make_private(trap, os.geteuid())


def test_commands_without_need_of_a_database_start_none(tmp_path: Path) -> None:
    done = run_manage("check", STANDPIPE_DATA_DIR=str(tmp_path / "data"), DATABASE_URL="")
    assert done.returncode == 0, done.stderr
    assert not (tmp_path / "data" / "postgres").exists()


def test_a_database_url_that_refuses_is_named_at_once() -> None:
    done = run_manage("migrate", "--check", DATABASE_URL="postgresql://me:hush@127.0.0.1:1/mail")
    assert done.returncode == 1
    assert done.stderr.startswith("standpipe: the database 127.0.0.1:1/mail cannot be reached (")
    assert done.stderr.rstrip().endswith("start it, or correct DATABASE_URL")
    assert done.stderr.count("\n") == 1
    assert "hush" not in done.stderr


def test_a_database_that_is_silent_is_given_up_after_five_seconds() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        started = time.monotonic()
        done = run_manage(
            "migrate", "--check", DATABASE_URL=f"postgresql://me@127.0.0.1:{silent.getsockname()[1]}/mail"
        )
    assert time.monotonic() - started < 9 * CROWD
    assert "cannot be reached (connection timeout expired)" in done.stderr
