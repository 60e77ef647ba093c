"""Own a PostgreSQL of a test's own, to be stopped, started and killed: the embedded one's programs on a TCP port."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psycopg

from statuspage.database import cluster
from statuspage.database.place import Place, account_for
from tests.peers.peer import Peer, free_port

TRUST = "local all all trust\nhost all all 127.0.0.1/32 trust\n"


class Postgres(Peer):
    """`url` for DATABASE_URL. `halt()` stops it at once, as a machine that loses power does; `resume()` recovers it."""

    package = "postgresql"
    program = "postgres"
    stop_signal = signal.SIGQUIT

    @classmethod
    def require(cls) -> None:
        """It comes with the extra `embedded`, which the tests have anyway."""

    @property
    def url(self) -> str:
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def configure(self) -> None:
        self.port = free_port()
        root = self.directory / "root"
        root.mkdir(exist_ok=True)
        root.chmod(0o711)
        self.place = Place(root)
        self.binaries: Path = cluster.prepare(self.place, lambda note: None)
        (self.place.data / "pg_hba.conf").write_text(TRUST)

    def launch(self) -> None:
        account = account_for(self.place.data)
        command = [str(self.binaries / "postgres"), "-D", str(self.place.data), "-p", str(self.port)]
        settings = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "shared_buffers": "64MB"}
        for name, value in {**settings, "jit": "off", "max_connections": "60"}.items():
            command += ["-c", f"{name}={value}"]
        if account is not None and os.geteuid() == 0:
            identity = [f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]
            command = ["setpriv", *identity, "--pdeathsig", "KILL", "--", *command]
        self.spawn(*command)

    def is_ready(self) -> bool:
        """Whether it takes connections: it listens already while it still recovers."""
        try:
            psycopg.connect(self.url, connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True
