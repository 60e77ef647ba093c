"""`manage.py domain` judges a domain without configuration or database, and its exit code is the verdict."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.zones import serving, zone

ROOT = Path(__file__).resolve().parent.parent
GOOD = """
    acme.example TXT "v=spf1 ip4:192.0.2.10 -all"
    acme.example MX 10 mx1.acme.example.
    acme.example NS ns1.acme.example.
    acme.example NS ns2.acme.example.
    acme.example SOA ns1.acme.example. hostmaster.acme.example. 1 3600 600 604800 300
    ns1.acme.example A 127.0.0.1
    ns2.acme.example A 127.0.0.1
    mx1.acme.example A 192.0.2.1
    _dmarc.acme.example TXT "v=DMARC1; p=reject; rua=mailto:dmarc@acme.example"
"""


def run(*words: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "DATABASE_URL": "postgres://nobody@127.0.0.1:1/nowhere"}
    command = [sys.executable, "manage.py", "domain", *words]
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize(
    ("change", "code", "verdict"),
    [
        pytest.param("", 0, "ok", id="a sound zone is ok"),
        pytest.param("acme.example SPF v=spf1", 1, "warn", id="a relic is a warning"),
        pytest.param('acme.example TXT "v=spf1 +all"', 2, "fail", id="two SPF records fail"),
        pytest.param("_dmarc.acme.example ! SERVFAIL", 3, "unknown", id="a resolver that fails leaves it unknown"),
    ],
)
def test_the_exit_code_is_the_verdict(change: str, code: int, verdict: str) -> None:
    with serving(zone(GOOD + change), authoritative=True) as server:
        ended = run("acme.example", "--resolver", server.address, "--json")
    assert ended.stderr == ""
    told = json.loads(ended.stdout)
    assert (ended.returncode, told["verdict"]) == (code, verdict)
    assert {"record", "name", "result", "reason", "sentence", "values", "age_s"} <= set(told["records"][0])


def test_the_terminal_reads_the_verdict_first_and_says_what_was_not_judged() -> None:
    with serving(zone(GOOD), authoritative=True) as server:
        ended = run("acme.example", "--resolver", server.address)
    lines = ended.stdout.splitlines()
    assert lines[0] == "acme.example: ok"
    assert "not judged: dkim (no selector is configured, and selectors cannot be guessed)" in lines


@pytest.mark.parametrize(
    ("words", "said"),
    [
        pytest.param(["acme..example"], "name: 'acme..example' is not a domain name", id="name"),
        pytest.param(["acme.example", "--resolver", "nowhere"], "resolver.servers.0:", id="resolver"),
        pytest.param(["acme.example", "--egress", "192.0.2.300"], "egress.0:", id="address"),
        pytest.param(["acme.example", "--skip", "spam"], "skip.0:", id="record"),
    ],
)
def test_a_wrong_word_is_named_with_its_reason(words: list[str], said: str) -> None:
    ended = run(*words)
    assert ended.returncode == 64
    assert said in ended.stderr
