"""The platform starts in time, ends without remains, and heals what an earlier life left broken."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
import requests

from monitors.sandbox.client import Control, base_port_in
from monitors.sandbox.faults import SandboxError
from tests.sandbox.running import ROOT, Sandbox, eventually

DROP_CONNECTIONS = "select pg_terminate_backend(pid) from pg_stat_activity where application_name like %s"


@pytest.fixture
def own(sandbox_database_url: str, tmp_path: Path) -> Sandbox:
    return Sandbox(sandbox_database_url, tmp_path / "keys", rate=40, hour_s=2)


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"


def descendants(pid: int) -> list[int]:
    children = [
        int(word) for task in Path(f"/proc/{pid}/task").iterdir() for word in (task / "children").read_text().split()
    ]
    return children + [below for child in children for below in descendants(child)]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_kill_minus_9_of_the_platform_leaves_no_process_behind(own: Sandbox) -> None:
    with own:
        pids = descendants(own.process.pid)
        assert len(pids) == len(own.plan.instances) + 1
        own.break_("hang", "api-1")
        own.process.kill()
        own.process.wait()
        eventually(lambda: not any(map(is_alive, pids)), reason="somebody survived")


def test_sigterm_ends_it_in_time_even_with_hung_instances(own: Sandbox) -> None:
    with own:
        own.break_("hang", "smtp-1")
        own.break_("senders-stuck")
        own.process.send_signal(signal.SIGTERM)
        assert own.process.wait(4) == 0  # 2.5 s, and some for a busy machine
    with pytest.raises(SandboxError, match="no sandbox on port"):
        own.status()


def test_a_second_life_heals_what_the_first_left_broken(own: Sandbox) -> None:
    with own:
        own.mode("offline")
        eventually(lambda: own.totals()["queued"] > 5)
        own.break_("lose", count=2)
        own.break_("wrong-alter")
        own.process.kill()
        own.process.wait()
        own.start()
        own.mode("online")
        eventually(lambda: own.totals()["sent"] > 5)
        assert own.totals()["residual"] == 0


def test_when_the_parent_of_the_instances_dies_the_platform_ends_and_says_so(own: Sandbox) -> None:
    with own:
        os.kill(descendants(own.process.pid)[0], signal.SIGKILL)
        assert own.process.wait(10) == 1
    assert "is gone" in own.log.read_text()


def test_a_database_that_drops_every_connection_costs_no_message(own: Sandbox) -> None:
    with own:
        eventually(lambda: own.totals()["sent"] > 20)
        with psycopg.connect(own.database_url, autocommit=True) as connection:
            for _ in range(3):
                connection.execute(DROP_CONNECTIONS, [f"{own.schema} %"])
                before = eventually(lambda: own.totals()["sent"])
                eventually(lambda: (own.totals()["sent"] or 0) > before + 5)  # noqa: B023 - asked at once
        assert own.totals()["residual"] == 0


def test_whatever_breaks_under_load_every_message_arrives(own: Sandbox) -> None:
    with own:
        for name, instance in (
            ("kill", "sender-1"),
            ("hang", "smtp-1"),
            ("db-lock", None),
            ("senders-stuck", None),
            ("kill", "api-1"),
            ("wrong-alter", None),
        ):
            before = eventually(lambda: own.totals()["accepted"])
            own.break_(name, instance)
            if name != "db-lock":
                eventually(lambda before=before: own.totals()["accepted"] > before + 5)
            own.mend("all")
        own.break_("kill", "load")
        eventually(lambda: own.unsent() == 0)
        found = own.totals()
    assert found["residual"] == 0
    # A sender that is killed between the sink's 250 and its own commit sends again: more than once, never less.
    assert found["sink"]["distinct"] + found["bounced"] == found["accepted"]


def test_the_load_reaches_every_instance_and_the_books_balance(own: Sandbox) -> None:
    with own:
        eventually(lambda: acceptors(own) == {"api-1", "api-2", "api-3", "smtp-1", "smtp-2"})
        own.break_("kill", "load")
        eventually(lambda: own.unsent() == 0)
        found = own.totals()
    assert found["residual"] == 0
    assert found["sink"]["received"] == found["sent"]


def acceptors(sandbox: Sandbox) -> set[str]:
    return {name for name, counts in sandbox.totals()["by_instance"].items() if counts.get("accepted")}


def test_the_reader_reads_the_queue_and_can_write_nothing(sandbox: Sandbox) -> None:
    database = sandbox.status()["database"]
    with psycopg.connect(database["reader_dsn"], autocommit=True) as connection:
        columns = connection.execute(database["queue_sql"]).description or ()
        totals = ["in_total", "out_total", "delivered_total"]
        assert [one.name for one in columns] == ["depth", *totals, "oldest_age_s", "consumers", "held"]
        with pytest.raises(psycopg.Error):
            connection.execute(f"delete from {sandbox.schema}.message")
        connection.execute("set default_transaction_read_only = off")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute(f"delete from {sandbox.schema}.message")


@pytest.mark.parametrize("name", ["api-1", "smtp-1", "sender-1", "sink", "dns", "load"])
def test_every_role_shows_metrics(sandbox: Sandbox, name: str) -> None:
    if name == "api-1":
        with sandbox.api() as session:
            text = session.get("https://api.sandbox.test/metrics").text
    else:
        text = requests.get(f"http://{sandbox.plan.instance(name).metrics}/metrics", timeout=5).text
    assert "# TYPE sandbox_" in text


def test_the_platform_shows_its_totals_as_metrics(sandbox: Sandbox) -> None:
    sandbox.mode("offline")
    sandbox.send(2)
    text = requests.get(f"http://{sandbox.plan.control}/metrics", timeout=5).text
    assert f"sandbox_accepted_total {sandbox.totals()['accepted']}.0" in text
    assert "sandbox_queue_depth 2.0" in text
    assert "sandbox_queue_oldest_age_seconds" in text


def manage(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "monitors.sandbox", *words]
    return subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=20, check=False)


def test_the_command_line_breaks_mends_and_tells(sandbox: Sandbox) -> None:
    port = ("--base-port", str(sandbox.base_port))
    assert manage("break", "slow", "--instance", "api-1", "--seconds", "0.1", *port).stdout == "slow: api-1\n"
    told = manage("status", *port).stdout
    assert "api-1     up" in told
    assert "slow" in told
    assert "residual" in told
    assert manage("mend", "slow", *port).stdout == "mended slow: api-1\n"
    assert manage("mode", "offline", *port).stdout.startswith("offline, epoch ")
    wrong = manage("break", "flood", *port)
    assert (wrong.returncode, wrong.stdout) == (1, "")
    assert wrong.stderr.startswith("sandbox: no fault named 'flood'; there are: kill, hang")
    wrong = manage("break", "slow", "--ratio", "1", *port)
    assert wrong.stderr == "sandbox: slow takes seconds=2.0; not 'ratio'\n"


def test_without_a_port_the_sandbox_of_the_directory_is_meant(sandbox: Sandbox, tmp_path: Path) -> None:
    told = json.loads(manage("status", "--json", "--directory", str(sandbox.directory)).stdout)
    assert told["base_port"] == sandbox.base_port
    with pytest.raises(SandboxError, match="no sandbox was started from"):
        base_port_in(tmp_path)


def test_without_a_sandbox_the_command_says_how_to_start_one() -> None:
    with pytest.raises(SandboxError, match=r"manage\.py sandbox up"):
        Control(1).status()


def test_a_port_in_use_is_named(sandbox: Sandbox, tmp_path: Path) -> None:
    words = ("up", "--base-port", str(sandbox.base_port), "--directory", str(tmp_path))
    taken = manage(*words, "--database-url", sandbox.database_url)
    assert taken.returncode == 1
    assert f"127.0.0.1:{sandbox.base_port} is taken" in taken.stderr


def test_an_unreachable_database_is_named(tmp_path: Path) -> None:
    dead = "postgresql://nobody@127.0.0.1:1/none"
    failed = manage("up", "--base-port", "19990", "--directory", str(tmp_path), "--database-url", dead)
    assert failed.returncode == 1
    assert failed.stderr.startswith("sandbox: database: ")


def test_manage_py_hands_over_to_a_process_without_django(sandbox_database_url: str, tmp_path: Path) -> None:
    with Sandbox(sandbox_database_url, tmp_path, command=("manage.py", "sandbox")) as own:
        assert b"monitors.sandbox" in Path(f"/proc/{own.process.pid}/cmdline").read_bytes()
        command = [sys.executable, "manage.py", "sandbox", "status", "--json", "--base-port", str(own.base_port)]
        told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=True)
        assert json.loads(told.stdout)["base_port"] == own.base_port
