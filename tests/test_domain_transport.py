"""What stands behind TLS is really fetched: policies over HTTPS, certificates after STARTTLS, answers over DoT."""

from __future__ import annotations

import hashlib
import socket
import ssl
import struct
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import load_der_x509_certificate

from monitors.mail_dns.fetch import evaluate
from monitors.mail_dns.judgement import Judgement
from monitors.mail_dns.options import DomainOptions
from tests.peers import Postfix
from tests.zones import Zone, ZoneServer, serving, zone
from tests.zoo import Authority, Script, Zoo, authority, behind_tls, refusing

RECORDS = """
    acme.example MX 10 mx1.acme.example.
    mx1.acme.example A 127.0.0.1
    _mta-sts.acme.example TXT "v=STSv1; id=20260101"
    mta-sts.acme.example A 127.0.0.1
    _dmarc.acme.example TXT "v=DMARC1; p=reject; rua=mailto:dmarc@acme.example"
"""
HOST = "mta-sts.acme.example"
POLICY = b"version: STSv1\r\nmode: enforce\r\nmx: mx1.acme.example\r\nmax_age: 2592000\r\n"


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture
def server() -> Iterator[ZoneServer]:
    with serving(zone(RECORDS), authoritative=True, validating=True) as running:
        yield running


async def judged(server: ZoneServer, record: str, **options: Any) -> Judgement:
    resolver = {"servers": [server.address], "validating": True}
    made = DomainOptions.model_validate({"name": "acme.example", "resolver": resolver, **options})
    evaluation = await evaluate(made, 10)
    return next(one for one in evaluation.judgements if one.record == record)


def answering(status: bytes, body: bytes = b"", *heads: bytes) -> Script:
    lines = [b"HTTP/1.1 " + status, b"Content-Type: text/plain", b"Content-Length: %d" % len(body), *heads, b"", body]

    def script(connection: socket.socket) -> None:
        connection.recv(65_536)
        connection.sendall(b"\r\n".join(lines))

    return script


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        pytest.param(answering(b"200 OK", POLICY), "mta_sts_ok", id="a policy"),
        pytest.param(answering(b"404 Not Found"), "mta_sts_no_policy", id="no policy"),
        pytest.param(answering(b"301 Moved", b"", b"Location: https://acme.example/"), "mta_sts_redirect", id="moved"),
        pytest.param(answering(b"200 OK", b"x" * 100_000), "mta_sts_bad_policy", id="too large to be one"),
        pytest.param(answering(b"200 OK", b"\0\xff" * 50), "mta_sts_bad_policy", id="bytes"),
    ],
)
async def test_a_policy_is_fetched_as_senders_fetch_it(
    server: ZoneServer, ca: Authority, script: Script, reason: str
) -> None:
    with Zoo(behind_tls(ca.context(HOST), script)) as zoo:
        found = await judged(server, "mta-sts", https_port=zoo.port, ca=str(ca.file))
    assert found.reason == reason


@pytest.mark.parametrize(
    ("name", "ends", "is_trusted"),
    [
        pytest.param(HOST, timedelta(hours=-1), True, id="expired"),
        pytest.param("acme.example", timedelta(days=9), True, id="for another name"),
        pytest.param(HOST, timedelta(days=9), False, id="of an unknown authority"),
    ],
)
async def test_a_policy_behind_a_bad_certificate_is_none(
    server: ZoneServer, ca: Authority, tmp_path: Path, name: str, ends: timedelta, is_trusted: bool
) -> None:
    trusted = ca.file if is_trusted else authority(tmp_path).file
    with Zoo(behind_tls(ca.context(name, ends=ends), answering(b"200 OK", POLICY))) as zoo:
        found = await judged(server, "mta-sts", https_port=zoo.port, ca=str(trusted))
    assert (found.result, found.reason) == ("fail", "mta_sts_bad_certificate")


async def test_a_policy_host_where_nobody_listens_leaves_it_unknown(server: ZoneServer) -> None:
    with refusing() as address:
        found = await judged(server, "mta-sts", https_port=int(address.rpartition(":")[2]))
    assert (found.result, found.reason) == ("unknown", "mta_sts_unfetched")
    assert not found.is_learnt


def pin(made: Zone, postfix: Postfix, *digests: str) -> None:
    made.records[f"_{postfix.port}._tcp.mx1.acme.example", "TLSA"] = [f"3 1 1 {digest}" for digest in digests]


async def test_tlsa_is_held_against_the_certificate_that_postfix_shows(server: ZoneServer, postfix: Postfix) -> None:
    shown = load_der_x509_certificate(ssl.PEM_cert_to_DER_cert(postfix.ca_file.read_text()))
    public = shown.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    pin(server.zone, postfix, hashlib.sha256(public).hexdigest(), "00" * 32)
    assert (await judged(server, "dane", smtp_port=postfix.port)).reason == "dane_ok"
    pin(server.zone, postfix, "00" * 32)
    found = await judged(server, "dane", smtp_port=postfix.port)
    assert (found.result, found.reason) == ("fail", "dane_mismatch")


async def test_a_mail_server_that_is_gone_says_nothing_of_its_certificate(server: ZoneServer) -> None:
    with refusing() as address:
        port = int(address.rpartition(":")[2])
        server.zone.records[f"_{port}._tcp.mx1.acme.example", "TLSA"] = [f"3 1 1 {'00' * 32}"]
        found = await judged(server, "dane", smtp_port=port)
    assert (found.result, found.reason) == ("unknown", "dane_unread")


def over_tcp(server: ZoneServer) -> Script:
    """Answers of the zone server, each question on a connection of its own."""

    def script(connection: socket.socket) -> None:
        stream = connection.makefile("rwb")
        (size,) = struct.unpack("!H", stream.read(2))
        answer = server.reply(stream.read(size), "tls") or b""
        stream.write(struct.pack("!H", len(answer)) + answer)
        stream.flush()

    return script


async def test_a_resolver_is_asked_over_tls_and_must_prove_its_name(server: ZoneServer, ca: Authority) -> None:
    with Zoo(behind_tls(ca.context("dns.acme.example"), over_tcp(server))) as zoo:
        resolver = {"servers": [zoo.address], "tls_name": "dns.acme.example", "ca": str(ca.file)}
        found = await judged(server, "dmarc", resolver=resolver)
        assert found.reason == "dmarc_ok"
        assert {via for _, _, via in server.asked} == {"tls"}
        found = await judged(server, "dmarc", resolver={**resolver, "tls_name": "other.acme.example"})
    assert (found.result, found.reason) == ("unknown", "dmarc_unanswered")
