"""Own `sandbox up`: from a base port and a database to a running platform, and to its end."""

from __future__ import annotations

import asyncio
import gc
import logging
import signal
import socket
from dataclasses import dataclass
from pathlib import Path

import psycopg

from monitors.sandbox import api, authority, dns_server, load, plan, schema, sender, sink, smtp_server, web
from monitors.sandbox.child import Nursery, RoleMain, Setup
from monitors.sandbox.client import BASE_PORT_FILE
from monitors.sandbox.control import ControlPages
from monitors.sandbox.faults import SandboxError
from monitors.sandbox.supervisor import Platform

ROLES: dict[str, RoleMain] = {
    "api": api.main,
    "smtp": smtp_server.main,
    "sender": sender.main,
    "sink": sink.main,
    "dns": dns_server.main,
    "load": load.main,
}
log = logging.getLogger("sandbox")


@dataclass(frozen=True, slots=True)
class Options:
    """`rate`: messages a second on the mean, 0 for silence. `hour_s`: how long the load's "hour" lasts."""

    database_url: str
    directory: Path
    base_port: int = plan.DEFAULT_BASE_PORT
    schema: str = "sandbox"
    rate: float = 20.0
    hour_s: float = 120.0


def run(options: Options) -> None:
    """Run until SIGTERM or SIGINT. Raises SandboxError when it cannot start."""
    logging.getLogger("mail.log").setLevel(logging.ERROR)  # aiosmtpd tells every line of every conversation
    where = plan.make(options.base_port)
    _check_free(where)
    keys = authority.establish(options.directory, where)
    try:
        schema.create(options.database_url, options.schema)
        reader_dsn = schema.reader_dsn(options.database_url, options.schema, options.directory)
    except psycopg.Error as error:
        raise SandboxError(f"database: {str(error).strip().splitlines()[0]}") from error
    setup = Setup(where, keys, options.database_url, options.schema, options.rate, options.hour_s)
    # What the parent has loaded is shared with every child as long as nobody writes to it: the collector would.
    web.preload()
    gc.collect()
    gc.freeze()
    nursery = Nursery(setup, ROLES)
    # `break` and `status` without a port mean the sandbox of their own checkout, not whoever has the usual port.
    (options.directory / BASE_PORT_FILE).write_text(f"{options.base_port}\n")
    asyncio.run(_supervise(setup, nursery, reader_dsn))


def _check_free(where: plan.Plan) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((where.control.host, where.control.port))
        except OSError as error:
            raise SandboxError(f"{where.control} is taken ({error.strerror}): choose another --base-port") from error


async def _supervise(setup: Setup, nursery: Nursery, reader_dsn: str | None) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    platform = Platform(setup, nursery)
    pages = ControlPages(platform, reader_dsn)
    try:
        await platform.start()
        await pages.service.start()
        log.info("sandbox is up: control http://%s, CA %s", setup.plan.control, setup.authority.ca_file)
        waiting = [asyncio.create_task(event.wait()) for event in (stopping, platform.nursery_is_gone)]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        if not stopping.is_set():
            raise SandboxError("the process that bears instances is gone")
    finally:
        await pages.service.stop()
        await platform.stop()
