"""DNS record checks per CPU-second, whole way (ask, judge, store), beside blackbox_exporter on the same nsd."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import django

django.setup()

import psycopg  # noqa: E402 - models need Django first
import requests  # noqa: E402
from django.db import connection  # noqa: E402

from monitors.mail_dns.options import DomainOptions  # noqa: E402
from monitors.models import DomainRecord, Monitor  # noqa: E402
from monitors.probes import KINDS, Check, Observed  # noqa: E402
from monitors.resolver import Endpoint, answer_of, ask  # noqa: E402
from tests.peers import Blackbox, Nsd  # noqa: E402
from tests.peers.peer import MissingPeerError  # noqa: E402

DOMAINS, RECORDS_EACH, AT_ONCE, BATCH = 500, 12, 20, 100
QUESTIONS, BLACKBOX_PROBES = 10_000, 2_000
KEY = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
MODULE = """
  dns_txt:
    prober: dns
    timeout: 5s
    dns: {transport_protocol: udp, preferred_ip_protocol: ip4, query_name: _dmarc.d1.bench.test, query_type: TXT,
          validate_answer_rrs: {fail_if_none_matches_regexp: [".*v=DMARC1.*"]}}
"""


def zone() -> str:
    lines = ["$ORIGIN bench.test.", "$TTL 300", "@ SOA ns1 hostmaster 1 3600 600 604800 300", "@ NS ns1",
             "ns1 A 127.0.0.1", "mx1 A 127.0.0.2", "out1 A 127.0.0.3"]  # fmt: skip
    for n in range(DOMAINS):
        lines += [
            f'd{n} TXT "v=spf1 include:spf.bench.test -all"',
            f"d{n} MX 10 mx1.bench.test.",
            f'_dmarc.d{n} TXT "v=DMARC1; p=reject; rua=mailto:dmarc@d{n}.bench.test"',
            f'_smtp._tls.d{n} TXT "v=TLSRPTv1; rua=mailto:tls@d{n}.bench.test"',
            *(f's{key}._domainkey.d{n} TXT "v=DKIM1; k=ed25519; p={KEY}"' for key in (1, 2)),
        ]
    return "\n".join([*lines, 'spf TXT "v=spf1 ip4:127.0.0.3 -all"', ""])


REVERSE = """$ORIGIN 127.in-addr.arpa.
$TTL 300
@ SOA ns1.bench.test. hostmaster.bench.test. 1 3600 600 604800 300
@ NS ns1.bench.test.
3.0.0 PTR out1.bench.test.
"""


def cpu_s_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


async def every(jobs: Iterator[Callable[[], Awaitable[Any]]], at_once: int) -> None:
    async def worker() -> None:
        for job in jobs:
            await job()

    await asyncio.gather(*(worker() for _ in range(at_once)))


def watched(port: int) -> list[Check]:
    checks = []
    for n in range(DOMAINS):
        options = DomainOptions.model_validate(
            {"name": f"d{n}.bench.test", "dkim": ["s1", "s2"], "egress": ["127.0.0.3"], "resolver": f"127.0.0.1:{port}"}
        )
        monitor = Monitor.objects.create(slug=options.name, name=options.name, kind="domain")
        checks.append(Check(monitor.pk, options.name, "domain", 20.0, 300.0, options))
    return checks


async def judge_all(checks: list[Check], own: psycopg.AsyncConnection[Any]) -> None:
    """Judge every domain and store what was seen, in batches as the prober does."""
    kind, kept = KINDS["domain"], []
    assert kind.keep is not None

    def jobs() -> Iterator[Callable[[], Awaitable[None]]]:
        for check in checks:

            async def job(check: Check = check) -> None:
                kept.append(Observed(check, 1, datetime.now(UTC), await kind.run(check)))

            yield job

    await every(jobs(), AT_ONCE)
    for at in range(0, len(kept), BATCH):
        async with own.transaction():
            await kind.keep(own, kept[at : at + BATCH])


async def bare_questions(endpoint: Endpoint) -> float:
    async def job() -> None:
        answer_of(await ask(endpoint, "_dmarc.d1.bench.test", "TXT"), "_dmarc.d1.bench.test", "TXT")

    began = time.process_time()
    await every(iter([job] * QUESTIONS), 50)
    return QUESTIONS / (time.process_time() - began)


def blackbox_per_cpu_s(port: int) -> float | None:
    try:
        Blackbox.require()
    except MissingPeerError:
        return None
    with Blackbox(MODULE) as blackbox, requests.Session() as session:
        where = {"module": "dns_txt", "target": f"127.0.0.1:{port}"}
        assert "probe_success 1" in session.get(f"{blackbox.url}/probe", params=where, timeout=10).text
        before = cpu_s_of(blackbox.processes[0].pid)
        for _ in range(BLACKBOX_PROBES):
            session.get(f"{blackbox.url}/probe", params=where, timeout=10)
        return BLACKBOX_PROBES / (cpu_s_of(blackbox.processes[0].pid) - before)


def main() -> None:
    with ExitStack() as peers:
        nsd = peers.enter_context(Nsd())
        nsd.serve("bench.test", zone())
        nsd.serve("127.in-addr.arpa", REVERSE)
        checks = watched(nsd.port)
        params = {key: value for key, value in connection.get_connection_params().items()
                  if key in {"host", "port", "user", "password", "dbname"} and value}  # fmt: skip

        async def ours() -> tuple[float, float, float]:
            bare = await bare_questions(Endpoint("127.0.0.1", nsd.port))
            async with await psycopg.AsyncConnection.connect(**params) as own:
                began, cpu_began = time.monotonic(), time.process_time()
                await judge_all(checks, own)
                return bare, time.monotonic() - began, time.process_time() - cpu_began

        bare, took_s, cpu_s = asyncio.run(ours())
        theirs = blackbox_per_cpu_s(nsd.port)
    stored = DomainRecord.objects.count()
    good = DomainRecord.objects.filter(result="ok").count()
    assert stored == DOMAINS * RECORDS_EACH, stored
    print(f"{DOMAINS} domains of {RECORDS_EACH} records judged and stored in {took_s:.1f} s, {cpu_s:.1f} s of CPU")
    print(f"  of {stored} records {good} are well (should be all)")
    print(f"record checks per CPU-second, whole way: {stored / cpu_s:,.0f}")
    print(f"bare questions with parsed answers per CPU-second: {bare:,.0f}")
    if theirs is None:
        print("blackbox_exporter is missing: no ratio")
        return
    print(f"blackbox_exporter dns probes per CPU-second: {theirs:,.0f}")
    print(f"ratio, whole way: {stored / cpu_s / theirs:.2f}x (reach 1.1x); bare questions: {bare / theirs:.2f}x")


if __name__ == "__main__":
    main()
