"""Own the figures of checks per CPU-second, whole way, beside what blackbox_exporter needs for its probe alone.

Both verify certificates. The exporter is asked over kept connections, as Prometheus does: one question after
the other, which is how its figures behind the bars were taken, and eight at once, which is the best it can do.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import quote

import django

django.setup()

from tests.benchmarks.probing import Run, make_monitors, measured  # noqa: E402
from tests.benchmarks.rows import Row, compared, cpu_s, heading  # noqa: E402
from tests.peers import Blackbox, Nginx, Nsd, Postfix  # noqa: E402
from tests.peers.peer import MissingPeerError, free_port  # noqa: E402
from tests.zoo import Authority, authority  # noqa: E402

SECONDS = 6.0
MONITORS = 400
EVERY = timedelta(milliseconds=20)
"""Far more than one CPU can do: the prober is always busy, and what it gets done is its limit."""
ASKING_AT_ONCE = (1, 8)
"""The first is what the bar compares with."""
TLS_SERVER = """
server {{
    listen 127.0.0.1:{port} ssl;
    ssl_certificate {pem};
    ssl_certificate_key {pem};
    ssl_session_cache off;
    ssl_session_tickets off;
    location = /health {{ return 200 '{{"status": "ok"}}'; }}
}}
"""


ZONE = """$ORIGIN bench.test.
$TTL 300
@ IN SOA ns.bench.test. host.bench.test. 1 3600 600 86400 300
@ IN NS ns
ns IN A 127.0.0.1
www IN A 192.0.2.1
"""
DNS_MODULE = """
  dns_a:
    prober: dns
    timeout: 5s
    dns: {query_name: www.bench.test, query_type: A, preferred_ip_protocol: ip4, valid_rcodes: [NOERROR]}
"""
HTTPS_MODULE = """
  https:
    prober: http
    timeout: 5s
    http: {{preferred_ip_protocol: ip4, tls_config: {{ca_file: {ca}, server_name: localhost}}}}
"""
SMTP_MODULE = """
  smtp_starttls:
    prober: tcp
    timeout: 5s
    tcp:
      tls_config: {{ca_file: {ca}}}
      query_response:
        - expect: "^220 "
        - send: "EHLO prober\\r"
        - expect: "^250-STARTTLS"
        - send: "STARTTLS\\r"
        - expect: "^220 "
        - starttls: true
        - send: "EHLO prober\\r"
        - expect: "^250"
        - send: "QUIT\\r"
"""


def main() -> None:
    heading()
    with tempfile.TemporaryDirectory() as directory:
        http(authority(Path(directory)))
    dns()
    smtp()


def http(made: Authority) -> None:
    port = free_port()
    with Nginx(servers=TLS_SERVER.format(port=port, pem=made.write("localhost"))) as nginx:
        plain, secure = f"{nginx.url}/health", f"https://127.0.0.1:{port}/health"
        show("HTTP", "http", {"url": plain}, peer_figures("http_2xx", plain), 5)
        options = {"url": f"https://localhost:{port}/health", "connect_to": f"127.0.0.1:{port}", "ca": str(made.file)}
        show("HTTPS", "http", options, peer_figures("https", secure, HTTPS_MODULE.format(ca=made.file)), 1.4)


def dns() -> None:
    with Nsd() as nsd:
        nsd.serve("bench.test", ZONE)
        server = f"127.0.0.1:{nsd.port}"
        options = {"query": "www.bench.test", "server": server, "expect": {"records": ["192.0.2.1"]}}
        show("DNS record", "dns", options, peer_figures("dns_a", server, DNS_MODULE), 1.1)


def smtp() -> None:
    with Postfix() as postfix:
        address, ca = f"127.0.0.1:{postfix.port}", str(postfix.ca_file)
        options = {"address": address, "starttls": "required", "ca": ca}
        show("SMTP STARTTLS", "smtp", options, peer_figures("smtp_starttls", address, SMTP_MODULE.format(ca=ca)), 1)


def show(name: str, kind: str, options: dict[str, object], peers: Sequence[float], bar: float) -> None:
    make_monitors(kind, MONITORS, EVERY, lambda number: options)
    run = measured(SECONDS)
    ours = run.checks_per_cpu_s
    compared(f"{name} checks, whole way, per CPU-second of the prober", ours, peers[0] if peers else None, bar).show()
    for at_once, peer in zip(ASKING_AT_ONCE[1:], peers[1:], strict=False):
        compared(f"  beside the exporter asked {at_once} at once", ours, peer).show()
    with_database = run.checks_per_cpu_s_with_database
    Row("  the same with Postgres's share", f"{with_database:,.0f}/CPU-s", bar="").show()
    Row(f"  {run.stored} stored in {run.seconds:.0f} s; {words(run)}", "", "", "", "").show()


def words(run: Run) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in sorted(run.results.items()))


def peer_figures(module: str, target: str, more_modules: str = "") -> list[float]:
    """Successful probes per CPU-second of the exporter itself for the same target, by how many were asked at once."""
    try:
        Blackbox.require()
    except MissingPeerError as error:
        print(f"no peer: {error}", file=sys.stderr)
        return []
    query = f"module={module}&target={quote(target, safe='')}"
    return [peer_figure(more_modules, query, at_once) for at_once in ASKING_AT_ONCE]


def peer_figure(more_modules: str, query: str, at_once: int) -> float:
    with Blackbox(more_modules) as blackbox:
        pid = blackbox.processes[0].pid
        ask(blackbox.port, query, time.monotonic() + 1.0)
        before, until = cpu_s(pid), time.monotonic() + SECONDS
        with ThreadPoolExecutor(at_once) as pool:
            done = sum(pool.map(lambda _: ask(blackbox.port, query, until), range(at_once)))
        return done / (cpu_s(pid) - before)


def ask(port: int, query: str, until: float) -> int:
    """How many successful probes it made until then, asked over one connection."""
    connection = HTTPConnection("127.0.0.1", port)
    done = 0
    while time.monotonic() < until:
        connection.request("GET", f"/probe?{query}")
        done += b"probe_success 1" in connection.getresponse().read()
    connection.close()
    return done


if __name__ == "__main__":
    main()
