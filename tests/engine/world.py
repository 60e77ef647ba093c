"""Own a world of processes for engine stories: a Postgres to stop and start, targets to fail, real probers to kill."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Thread
from typing import Any

import psycopg

from tests.peers.postgres import Postgres
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parents[2]
ENDS_WITHIN_S = 15.0

MONITOR = """
INSERT INTO monitors_monitor (slug, name, kind, site, zone, options, interval, timeout, down_after, down_of, up_after,
                              up_of, is_from_file, is_paused, muted_reason, created_at, updated_at)
VALUES (%(slug)s, %(slug)s, 'tcp', '', '', %(options)s, make_interval(secs => %(every_s)s), interval '1 second',
        2, 3, 2, 2, false, false, '', now(), now()) RETURNING id
"""
WATCH = """
WITH place AS (INSERT INTO monitors_location (slug) VALUES (%(location)s)
               ON CONFLICT (slug) DO UPDATE SET slug = excluded.slug RETURNING id)
INSERT INTO monitors_watch
    (monitor_id, location_id, due_at, "window", standing, last_result, last_reason, last_sentence)
SELECT %(monitor)s, id, now(), '[]', '{}', '', '', '' FROM place
"""


class Target:
    """A TCP port that answers every connection, until it is closed."""

    def __init__(self) -> None:
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=512)
        self.port: int = self.socket.getsockname()[1]
        self.thread = Thread(target=self.serve, daemon=True)
        self.thread.start()

    def serve(self) -> None:
        with suppress(OSError):
            while True:
                self.socket.accept()[0].close()

    def close(self) -> None:
        with suppress(OSError):
            self.socket.shutdown(socket.SHUT_RDWR)
        self.socket.close()
        self.thread.join()


class ProberProcess:
    """`manage.py probe --json` in a process of its own; what it printed is what it saw."""

    def __init__(self, world: World, location: str) -> None:
        self.output = world.directory / f"{location}-{len(world.probers)}.jsonl"
        command = [sys.executable, "manage.py", "probe", "--json", "--location", location]
        with self.output.open("wb") as out, self.output.with_suffix(".log").open("wb") as log:
            self.process = subprocess.Popen(command, cwd=ROOT, env=world.environment, stdout=out, stderr=log)

    @property
    def printed(self) -> set[tuple[str, str]]:
        """What was seen so far: (monitor, instant). A line that is being written does not count yet."""
        rows = [json.loads(line) for line in self.output.read_bytes().splitlines() if line.endswith(b"}")]
        return {(row["monitor"], row["at"]) for row in rows}

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(ENDS_WITHIN_S)


class World:
    def __init__(self, directory: Path, postgres: Postgres) -> None:
        self.directory, self.postgres = directory, postgres
        self.probers: list[ProberProcess] = []
        self.targets: list[Target] = []
        self.environment = os.environ | {
            "DATABASE_URL": postgres.url,
            "STANDPIPE_DATA_DIR": str(directory / "data"),
            "STANDPIPE_LOG_LEVEL": "INFO",
            "PYTHONUNBUFFERED": "1",
        }
        subprocess.run([sys.executable, "manage.py", "migrate"], cwd=ROOT, env=self.environment, check=True)

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.postgres.url) as connection:
            cursor = connection.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []

    def target(self) -> Target:
        self.targets.append(Target())
        return self.targets[-1]

    def watch(self, location: str, target: Target, count: int, every_s: float) -> list[str]:
        slugs = [f"{location}-{target.port}-{number}" for number in range(count)]
        options = json.dumps({"address": f"127.0.0.1:{target.port}"})
        with psycopg.connect(self.postgres.url) as connection:
            for slug in slugs:
                made = connection.execute(MONITOR, {"slug": slug, "options": options, "every_s": every_s}).fetchone()
                assert made is not None
                connection.execute(WATCH, {"location": location, "monitor": made[0]})
        return slugs

    def prober(self, location: str) -> ProberProcess:
        self.probers.append(ProberProcess(self, location))
        return self.probers[-1]

    def verdicts(self, location: str) -> list[str]:
        query = "SELECT verdict FROM monitors_monitorstate s JOIN monitors_monitor m ON m.id = s.monitor_id"
        return [verdict for (verdict,) in self.rows(f"{query} WHERE slug LIKE %s", f"{location}-%")]

    def wait_until_up(self, location: str, count: int) -> None:
        wait_until(lambda: self.verdicts(location) == ["up"] * count, within=20, reason=f"{location} is not up")

    def stored(self, location: str) -> list[tuple[str, str]]:
        query = "SELECT slug, at FROM monitors_observation o JOIN monitors_monitor m ON m.id = o.monitor_id"
        return [(slug, at.isoformat()) for slug, at in self.rows(f"{query} WHERE slug LIKE %s", f"{location}-%")]

    def changes(self, location: str) -> list[tuple[Any, ...]]:
        query = """SELECT slug, from_verdict, to_verdict, started_at, reason FROM monitors_statechange c
                   JOIN monitors_monitor m ON m.id = c.monitor_id WHERE slug LIKE %s ORDER BY c.id"""
        return self.rows(query, f"{location}-%")

    def settle(self) -> None:
        for prober in self.probers:
            if prober.process.poll() is None:
                prober.kill()
        for target in self.targets:
            target.close()
        self.probers.clear()
        self.targets.clear()


@contextmanager
def made_world(directory: Path) -> Iterator[World]:
    with Postgres() as postgres:
        world = World(directory, postgres)
        yield world
        world.settle()
