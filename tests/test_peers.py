"""The peers are real, answer, and leave nothing behind."""

from __future__ import annotations

import json
import smtplib
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path

import dns.message
import dns.query
import pytest

from tests import peers
from tests.peers.fixtures import require
from tests.peers.peer import MissingPeerError, Peer
from tests.waiting import wait_until

ROOT = Path(__file__).resolve().parent.parent
ZONE = """$ORIGIN mail.test.
$TTL 60
@ SOA ns1 hostmaster {serial} 3600 600 86400 60
@ NS ns1
ns1 A 127.0.0.1
@ TXT "v=spf1 -all"
"""


def get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return bytes(answer.read())


def test_the_command_prints_the_one_list_of_packages() -> None:
    printed = subprocess.run(
        [sys.executable, "tests/peers", "--packages"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert printed.stdout.split() == [peer.package for peer in peers.PEERS]


def test_nginx_answers(nginx: peers.Nginx) -> None:
    assert json.loads(get(f"{nginx.url}/health")) == {"status": "ok"}


def test_redis_answers(redis_server: peers.Redis) -> None:
    import redis

    with redis.Redis(port=redis_server.port) as client:
        assert client.ping()


def test_nats_answers_with_jetstream_on(nats: peers.Nats) -> None:
    assert "memory" in json.loads(get(f"{nats.monitoring_url}/jsz"))


def test_blackbox_probes_nginx(blackbox: peers.Blackbox, nginx: peers.Nginx) -> None:
    answer = get(f"{blackbox.url}/probe?module=http_2xx&target={nginx.url}/health")
    assert b"probe_success 1" in answer


def test_prometheus_scrapes_itself(prometheus: peers.Prometheus) -> None:
    def scraped() -> bool:
        return bool(json.loads(get(f"{prometheus.url}/api/v1/query?query=up"))["data"]["result"])

    assert wait_until(scraped, within=10)


def test_unbound_asks_nsd_and_sees_a_changed_zone(nsd: peers.Nsd, unbound: peers.Unbound) -> None:
    nsd.serve("mail.test", ZONE.format(serial=1))
    unbound.ask("mail.test", nsd.port)
    question = dns.message.make_query("mail.test", "TXT")
    assert "v=spf1" in str(dns.query.udp(question, "127.0.0.1", port=unbound.port, timeout=5))
    nsd.serve("mail.test", ZONE.format(serial=2).replace("-all", "~all"))
    direct = dns.query.udp(question, "127.0.0.1", port=nsd.port, timeout=5)
    assert "~all" in str(direct)


def test_postfix_speaks_starttls_and_keeps_mail_in_its_queue(postfix: peers.Postfix) -> None:
    context = ssl.create_default_context(cafile=str(postfix.ca_file))
    with smtplib.SMTP("127.0.0.1", postfix.port, timeout=10) as client:
        client.starttls(context=context)
        client.sendmail("a@mail.test", ["b@elsewhere.test"], "Subject: hello\r\n\r\nhello\r\n")
    assert wait_until(postfix.queue, within=10)


def test_rabbitmq_answers_on_its_management_api(rabbitmq: peers.RabbitMQ) -> None:
    import requests

    answer = requests.get(f"{rabbitmq.management_url}/api/overview", auth=("guest", "guest"), timeout=5)
    assert answer.json()["node"] == "peer@localhost"


@pytest.mark.browser
def test_chromium_answers(chromium: peers.Chromium) -> None:
    assert "Chrome" in json.loads(get(f"{chromium.url}/json/version"))["Browser"]


@pytest.mark.parametrize("peer", ["Nginx", "Postfix"], ids=["has workers", "changes its user"])
def test_a_peer_ends_with_a_test_run_that_is_killed(peer: str) -> None:
    require(getattr(peers, peer))
    code = f"from tests import peers; p = peers.{peer}().start(); print(p.processes[0].pid, flush=True); input()"
    run = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert run.stdout is not None
    group = int(run.stdout.readline())
    run.kill()
    run.communicate()
    wait_until(lambda: not living(group), within=10)


def living(group: int) -> list[str]:
    """Processes of the group that are no zombies."""
    found = subprocess.run(["ps", "-eo", "pgid=,stat=,args="], capture_output=True, text=True, check=True).stdout
    lines = (line.split(maxsplit=2) for line in found.splitlines())
    return [line[2] for line in lines if int(line[0]) == group and not line[1].startswith("Z")]


class Nobody(Peer):
    package = "standpipe-nobody"
    program = "standpipe-nobody"

    @classmethod
    def require(cls) -> None:
        raise MissingPeerError("not installed: apt install standpipe-nobody")


@pytest.mark.parametrize(("ci", "outcome"), [("", pytest.skip.Exception), ("true", pytest.fail.Exception)])
def test_a_missing_peer_is_a_skip_on_a_desk_and_a_failure_in_ci(
    ci: str, outcome: type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="missing peer standpipe-nobody"):
        require(Nobody)
