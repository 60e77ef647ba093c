"""Own the cost of single probes: ours and blackbox_exporter's against the same server, in checks per CPU-second.

Only the probing process is counted, user and system time, not the server. blackbox_exporter does not
verify certificates here, and ours does: the comparison leans its way.
"""

from __future__ import annotations

import asyncio
import os
import time
import urllib.request
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import django
import uvloop

django.setup()

from monitors.probes import KINDS, Check  # noqa: E402
from monitors.results import Result  # noqa: E402
from tests.peers import Blackbox, Nginx, Postfix  # noqa: E402
from tests.peers.peer import MissingPeerError, free_port  # noqa: E402

AT_ONCE = 8
TICKS = os.sysconf("SC_CLK_TCK")


async def run_all(checks: Sequence[Check], each: int) -> None:
    async def repeat(check: Check) -> None:
        run = KINDS[check.kind].run
        for _ in range(each):
            result = await run(check)
            assert result.result in {Result.OK, Result.WARN}, result

    await asyncio.gather(*(repeat(check) for check in checks))


def ours(kind: str, count: int, **options: Any) -> float:
    """Checks per CPU-second, from claimed options to a result with phases and evidence."""
    model = KINDS[kind].options.model_validate(options)
    checks = [Check(number, kind, kind, 10.0, 10.0, model) for number in range(AT_ONCE)]

    async def measured() -> float:
        await run_all(checks, 3)
        started = time.process_time()
        await run_all(checks, count // AT_ONCE)
        return time.process_time() - started

    return (count // AT_ONCE * AT_ONCE) / uvloop.run(measured())


def cpu_s(pid: int) -> float:
    with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def theirs(blackbox: Blackbox, module: str, target: str, count: int) -> float:
    url = f"{blackbox.url}/probe?module={module}&target={target}"

    def probe(_: int) -> bytes:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return bytes(answer.read())

    assert b"probe_success 1" in probe(0), probe(0).decode()
    pid = blackbox.processes[0].pid
    started = cpu_s(pid)
    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(probe, range(count)))
    return count / (cpu_s(pid) - started)


def tell(what: str, our_rate: float, their_rate: float | None, reach: float) -> None:
    if their_rate is None:
        print(f"{what:32} {our_rate:8.0f}/CPU-s   blackbox_exporter is missing: ours alone")
        return
    ratio = our_rate / their_rate
    verdict = "reached" if ratio >= reach else "NOT REACHED"
    print(f"{what:32} {our_rate:8.0f}/CPU-s   blackbox {their_rate:7.0f}   {ratio:5.2f}x, reach {reach:g}x: {verdict}")


def started_blackbox() -> Blackbox | None:
    try:
        Blackbox.require()
    except MissingPeerError:
        return None
    return Blackbox().start()


def main() -> None:
    port = free_port()
    with Postfix() as postfix:
        certificate = postfix.ca_file
        secure = (
            f"server {{ listen 127.0.0.1:{port} ssl; ssl_certificate {certificate};"
            f" ssl_certificate_key {postfix.directory}/key.pem; location / {{ return 200 'ok'; }} }}"
        )
        with Nginx(servers=secure) as nginx:
            blackbox = started_blackbox()
            try:
                compare(nginx, port, postfix, blackbox)
            finally:
                if blackbox is not None:
                    blackbox.stop()


def compare(nginx: Nginx, tls_port: int, postfix: Postfix, blackbox: Blackbox | None) -> None:
    plain, tls = f"{nginx.url}/health", f"https://127.0.0.1:{tls_port}/"
    peer = None if blackbox is None else theirs(blackbox, "http_2xx", plain, 1500)
    tell("http, plain", ours("http", 8000, url=plain), peer, 5.0)
    peer = None if blackbox is None else theirs(blackbox, "http_2xx", tls, 1000)
    tell("http, TLS", ours("http", 2000, url=tls, ca=str(postfix.ca_file), certificate_warn="1d"), peer, 1.4)
    address = f"127.0.0.1:{postfix.port}"
    options = {"address": address, "ca": str(postfix.ca_file), "certificate_warn": "1d"}
    peer = None if blackbox is None else theirs(blackbox, "smtp_starttls", address, 600)
    tell("smtp, STARTTLS, same dialogue", ours("smtp", 600, **options), peer, 1.0)


if __name__ == "__main__":
    main()
