"""Our reading of answers is dnspython's, message by message; and what is no answer is malformed, never a crash."""

from __future__ import annotations

import random

import dns.message
import dns.name
import dns.rdatatype
import dns.rrset
import pytest

from monitors.dns_answers import MalformedError, read_answer, records_of, value_of

RECORDS = [
    ("acme.example.", "A", ["192.0.2.1", "192.0.2.2"]),
    ("acme.example.", "AAAA", ["2001:db8::1", "::ffff:192.0.2.1"]),
    ("acme.example.", "MX", ["10 mx1.acme.example.", "0 ."]),
    ("acme.example.", "NS", ["NS1.Acme.Example.", "ns.other.example."]),
    ("acme.example.", "SOA", ["ns1.acme.example. host\\.master.acme.example. 4294967295 1 2 3 4"]),
    ("acme.example.", "TXT", ['"v=spf1" " -all"', '"quote \\" and \\\\"', '""']),
    ("acme.example.", "CAA", ['0 issue "ca.example; a=b"', '128 iodef "mailto:x@acme.example"']),
    ("acme.example.", "SRV", ["1 2 25 mx1.acme.example."]),
    ("_25._tcp.acme.example.", "TLSA", ["3 1 1 " + "ab" * 32]),
    ("1.2.0.192.in-addr.arpa.", "PTR", ["mail.acme.example."]),
    ("od\\.d.b\\@d.example.", "TXT", ['"x"']),
]


def message(name: str, kind: str, values: list[str]) -> dns.message.Message:
    made = dns.message.make_response(dns.message.make_query(name, kind))
    made.answer.append(dns.rrset.from_text(name, 300, "IN", kind, *values))
    return made


@pytest.mark.parametrize(("name", "kind", "values"), RECORDS, ids=[f"{kind} of {name}" for name, kind, _ in RECORDS])
def test_records_are_read_as_dnspython_reads_them(name: str, kind: str, values: list[str]) -> None:
    made = message(name, kind, values)
    found, aliases, ttl_s = records_of(read_answer(made.to_wire()), name.rstrip("."), kind)
    assert found == tuple(sorted(value_of(rdata) for rdata in made.answer[0]))
    assert (len(found), aliases, ttl_s) == (len(values), (), 300)


def test_names_lose_case_and_the_last_dot_and_keep_the_root() -> None:
    found, _, _ = records_of(read_answer(message(*RECORDS[3]).to_wire()), "ACME.example.", "NS")
    assert found == ("ns.other.example", "ns1.acme.example")
    assert records_of(read_answer(message(*RECORDS[2]).to_wire()), "acme.example", "MX")[0][0] == "0 ."


def test_aliases_are_followed_inside_an_answer_and_a_loop_ends() -> None:
    made = message("a.example.", "CNAME", ["b.example."])
    made.answer.append(dns.rrset.from_text("b.example.", 60, "IN", "CNAME", "a.example."))
    values, aliases, ttl_s = records_of(read_answer(made.to_wire()), "a.example", "TXT")
    assert values == ()
    assert aliases[:2] == ("b.example", "a.example")
    assert ttl_s == 60


def test_a_denial_holds_for_the_smaller_of_ttl_and_minimum() -> None:
    made = dns.message.make_response(dns.message.make_query("gone.acme.example", "TXT"))
    made.authority.append(dns.rrset.from_text("acme.example.", 900, "IN", "SOA", "a. b. 1 2 3 4 120"))
    assert records_of(read_answer(made.to_wire()), "gone.acme.example", "TXT") == ((), (), 120)


def test_another_class_does_not_count() -> None:
    made = dns.message.make_response(dns.message.make_query("acme.example", "TXT"))
    made.answer.append(dns.rrset.from_text("acme.example.", 300, "CH", "TXT", '"v=spf1 +all"'))
    assert read_answer(made.to_wire()).records == ()


HEADER = b"\0\1\x81\x80\0\1\0\1\0\0\0\0"
QUESTION = b"\4acme\0\0\x10\0\1"
LOOP_AT = len(HEADER) + len(QUESTION)


@pytest.mark.parametrize(
    "wire",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(HEADER[:7], id="half a header"),
        pytest.param(HEADER, id="no question"),
        pytest.param(HEADER + QUESTION, id="no record where one is claimed"),
        pytest.param(HEADER + QUESTION + bytes([0xC0, LOOP_AT]), id="a pointer to itself"),
        pytest.param(HEADER + QUESTION + b"\xc0\xff", id="a pointer forwards"),
        pytest.param(HEADER + QUESTION + b"\x80abc", id="a label of an unknown kind"),
        pytest.param(HEADER + QUESTION + b"\xc0\x0c\0\x10\0\1\0\0\0\0\0\5\7abcd", id="a string beyond its record"),
        pytest.param(HEADER + QUESTION + b"\xc0\x0c\0\x01\0\1\0\0\0\0\0\5abcde", id="an address of five bytes"),
        pytest.param(HEADER + QUESTION + b"\xc0\x0c\0\x10\0\1\0\0\0\0\xff\xff", id="a record beyond the end"),
        pytest.param(b"\0\1\x81\x80\0\0\xff\xff\xff\xff\0\0", id="more records than fit"),
    ],
)
def test_what_breaks_the_rules_of_the_wire_is_malformed(wire: bytes) -> None:
    with pytest.raises(MalformedError):
        read_answer(wire)


@pytest.mark.parametrize("seed", range(11))
def test_damaged_answers_are_read_as_dnspython_reads_them_or_are_malformed(seed: int) -> None:
    """Where both can read a message, both say the same. Eleven kinds, five hundred damages each."""
    liar = random.Random(seed)
    name, kind, values = RECORDS[seed]
    whole = message(name, kind, values).to_wire()
    for _ in range(500):
        wire = bytearray(whole)
        for _ in range(liar.randint(1, 3)):
            wire[liar.randrange(12, len(wire))] = liar.randrange(256)
        try:
            ours = read_answer(bytes(wire))
        except MalformedError:
            continue
        try:
            theirs = dns.message.from_wire(bytes(wire), one_rr_per_rrset=True)
        except Exception:
            continue
        plain = [rrset for rrset in theirs.answer if rrset.rdclass == 1 and rrset.rdtype != 41]
        assert sorted(one.value for one in ours.records if one.rdtype != 41) == sorted(
            value_of(one[0]) for one in plain
        )
