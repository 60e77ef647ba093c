"""Own `manage.py serve`: the web process, uvicorn with the settings that belong to it."""

from __future__ import annotations

import logging
from argparse import ArgumentParser
from typing import Any

import uvicorn
from django.conf import settings
from django.core.management.base import BaseCommand

from statuspage.environment import DEFAULT_PORT
from statuspage.limits import BoundedHttp

DRAIN_S = 3
"""What open requests get after SIGTERM. Websockets are closed at once, and boards connect again."""

log = logging.getLogger(__name__)


class Command(BaseCommand):
    help = "Serve pages, API and websockets."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--bind", default="127.0.0.1", help="address to listen on; default 127.0.0.1")
        parser.add_argument("--port", type=int, default=DEFAULT_PORT)

    def handle(self, *args: Any, bind: str, port: int, **options: Any) -> None:
        log.info("serving", extra={"bind": bind, "port": port})
        uvicorn.run(
            "statuspage.asgi:application",
            host=bind,
            port=port,
            http=BoundedHttp,
            log_config=None,
            access_log=False,
            server_header=False,
            forwarded_allow_ips=settings.ENV.trusted_proxies,
            timeout_graceful_shutdown=DRAIN_S,
            # Frames are small, and a compressor costs 300 kB for each of a thousand boards.
            # Measured: a frame to a thousand sockets takes a third less than by the default implementation.
            ws="websockets-sansio",
            ws_per_message_deflate=False,
        )
