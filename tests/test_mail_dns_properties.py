"""Nothing that anyone can publish, and no answer that any server can give, makes the evaluators stumble."""

from __future__ import annotations

import contextlib
import random
from typing import Any

import dns.message
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from monitors.mail_dns.dmarc_record import lowered, parse_dmarc
from monitors.mail_dns.evidence import Seen, details_of
from monitors.mail_dns.facts import Facts, Policy
from monitors.mail_dns.judgement import SEVERITY
from monitors.mail_dns.judging import judge
from monitors.mail_dns.mta_sts import parse_policy
from monitors.mail_dns.options import DomainOptions
from monitors.mail_dns.spf_record import SpfSyntaxError, parse_spf
from monitors.resolver import Answer, Endpoint, Status, Via, answer_of, read_reply
from tests.zones import ZoneFacts, response, zone

OPTIONS = DomainOptions.model_validate(
    {
        "name": "acme.example",
        "dkim": ["s1"],
        "egress": ["192.0.2.10", "2001:db8::10"],
        "ehlo": ["mail.acme.example"],
        "dnsbl": ["bl.example"],
        "resolver": {"servers": ["192.0.2.53"], "validating": True},
    }
)
PIECES = (  # noqa: SIM905 - a list of them would fill a page
    "v=spf1 v=DMARC1 v=DKIM1 v=STSv1 v=TLSRPTv1 v=BIMI1 ; = , : / // % %{ } %{i} %{ir} %{d2r-} include: redirect= "
    "exists: a mx ptr all -all +all ~all ?all ip4:192.0.2.0/24 ip6:2001:db8::/32 acme.example b.example p=reject "
    "p=none sp=x np= t=y psd=y psd=n rua=mailto:d@b.example rua= k=rsa p=AAAA h=sha1 id=1 l=https://x a= 0 10 99999 . "
    "\x00 \x1b é 🂡 \\ \" ' - _"
).split()
texts = st.lists(st.sampled_from(PIECES), max_size=12).flatmap(
    lambda parts: st.sampled_from([" ".join(parts), "".join(parts), "; ".join(parts)])
)


class Liar:
    """Answers every question with something: any status, any text that its type allows."""

    VALUES = {
        "MX": ["10 mx.acme.example", "0 .", "65535 acme.example", "10 192.0.2.1"],
        "A": ["192.0.2.10", "127.0.0.2", "127.255.255.254", "0.0.0.0"],
        "AAAA": ["2001:db8::10", "::1"],
        "NS": ["ns1.acme.example", "."],
        "SOA": ["ns1.acme.example h.acme.example 4294967295 1 1 1 1", ". . 0 0 0 0 0"],
        "PTR": ["mail.acme.example", "10-2-0-192.dyn.example", "."],
        "TLSA": ["3 1 1 00", "255 255 255 ff", "2 0 0 "],
        "CAA": ['0 issue "ca.example"', '128 x ""', '255 issue ";;;"'],
    }

    def __init__(self, random_: random.Random) -> None:
        self._random = random_

    def get(self, asked: Any) -> Any:
        if not hasattr(asked, "rdtype"):
            return None
        status = self._random.choice([Status.ANSWER] * 6 + list(Status))
        values: tuple[str, ...] = ()
        if status is Status.ANSWER:
            count = self._random.choice([1, 1, 1, 2, 12])
            values = tuple(sorted({self._value(asked.rdtype) for _ in range(count)}))
        return Answer(asked.name, asked.rdtype, status, values, self._random.choice([None, 0, 300, 2**31]))

    def _value(self, rdtype: str) -> str:
        known = self.VALUES.get(rdtype)
        if known:
            return self._random.choice(known)
        head = self._random.choice(["v=spf1 ", "v=DMARC1; ", "v=DKIM1; ", "v=STSv1; ", "v=BIMI1; ", ""])
        return head + self._random.choice([" ", "; ", ""]).join(
            self._random.choices(PIECES, k=self._random.randint(0, 9))
        )


@pytest.mark.parametrize("seed", range(20))
def test_ten_thousand_lying_zones_are_judged_without_stumbling(seed: int) -> None:
    """Twenty seeds times five hundred zones."""
    liar = random.Random(seed)
    for _ in range(500):
        judged = judge(OPTIONS, Facts(Liar(liar)))
        assert all(one.notes and one.sentence and one.result in SEVERITY for one in judged)
        for stored in details_of(judged)["records"]:
            Seen.from_json(stored)


@pytest.mark.parametrize("seed", range(10))
def test_ten_thousand_damaged_datagrams_are_answers_or_malformed(seed: int) -> None:
    """Ten seeds times a thousand: real answers with bytes changed, cut or added."""
    liar = random.Random(seed)
    base = bytearray(_answer_wire())
    for _ in range(1000):
        wire = bytearray(base)
        for _ in range(liar.randint(1, 8)):
            wire[liar.randrange(len(wire))] = liar.randrange(256)
        cut = bytes(wire[: liar.randrange(12, len(wire) + 1)]) + liar.randbytes(liar.choice([0, 0, 5]))
        reply = read_reply(Endpoint("192.0.2.53"), Via.UDP, cut, 1.0)
        answer_of(reply, "acme.example", "TXT")


def _answer_wire() -> bytes:
    made = zone('acme.example TXT "v=spf1 include:b.example -all"\nacme.example TXT "x"')
    return response(made, dns.message.make_query("acme.example", "TXT")).to_wire()


@given(texts)
def test_a_text_is_spf_or_says_why_not(text: str) -> None:
    with contextlib.suppress(SpfSyntaxError):
        record = parse_spf("v=spf1 " + text)
        assert [term.text for term in record.terms] == [word for word in text.split(" ") if word]


@given(texts)
def test_a_dmarc_record_always_has_an_effect_that_receivers_know(text: str) -> None:
    record = parse_dmarc("v=DMARC1; " + text)
    for kind in ("domain", "existing", "missing"):
        policy, _ = record.asked_for(kind)
        assert policy in {None, "none", "quarantine", "reject"}
        assert policy is None or lowered(policy) in {"none", "quarantine"}
        assert (policy is None) == (not record.is_applied)


@given(st.text(max_size=300))
def test_a_policy_file_is_read_whatever_it_holds(body: str) -> None:
    policy = parse_policy(body)
    assert policy.problems or policy.mode in {"enforce", "testing", "none"}


@settings(suppress_health_check=[HealthCheck.too_slow], max_examples=60)
@given(st.lists(st.tuples(st.sampled_from(["acme.example", "_dmarc.acme.example", "b.example"]), texts), max_size=5))
def test_silence_is_never_judged_as_good_or_bad(records: list[tuple[str, str]]) -> None:
    made = zone("* ! SILENT")
    for name, text in records:
        made.records.setdefault((name, "TXT"), []).append(text)
    judged = judge(OPTIONS, Facts(ZoneFacts(made, policies={"acme.example": Policy(error="silent")})))
    assert {one.result.value for one in judged} == {"unknown"}
    assert not any(one.is_learnt for one in judged)
