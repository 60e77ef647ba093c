"""What zones publish, and what the RFCs make of it: one table over every rule."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from monitors import mail_dns
from monitors.mail_dns.facts import Facts
from monitors.mail_dns.judging import EVALUATORS
from monitors.mail_dns.options import DomainOptions
from monitors.mail_dns.reasons import MAIL_DNS
from tests.corpus import DOMAIN, Case, dkim, dmarc, routing, servers, spf, transport
from tests.zones import ZoneFacts, zone

TABLE: dict[str, list[Case]] = {
    "spf": spf.CASES,
    "dkim": dkim.CASES,
    "dmarc": dmarc.CASES,
    "mx": routing.MX,
    "ptr": routing.PTR,
    "mta-sts": transport.MTA_STS,
    "tls-rpt": transport.TLS_RPT,
    "dane": transport.DANE,
    "ns": servers.NS,
    "dnsbl": servers.DNSBL,
    "caa": servers.CAA,
    "bimi": servers.BIMI,
}


def rows() -> Iterator[object]:
    for record, cases in TABLE.items():
        for case in cases:
            yield pytest.param(record, case, id=f"{record}: {case.id}")


@pytest.mark.parametrize(("record", "case"), list(rows()))
def test_the_verdict_on_a_zone_is_that_of_the_rule(record: str, case: Case) -> None:
    options = DomainOptions.model_validate({"name": DOMAIN, **case.options})
    facts = ZoneFacts(
        zone(case.zone),
        servers={address: zone(text) for address, text in case.servers.items()},
        policies=case.policies,
        certificates=case.certificates,
        validating=case.validating,
    )
    judged = EVALUATORS[record](options, Facts(facts))[case.judged]
    said = "; ".join(note.sentence for note in judged.notes)
    assert f"{judged.result} {judged.reason}" == case.verdict, said
    assert judged.decisive.rule == case.rule
    assert set(case.also) <= {note.reason for note in judged.notes}
    assert judged.sentence.endswith((".", "”", ")")) or judged.reason == "dnsbl_listed"


def test_every_reason_has_words_for_a_board() -> None:
    given = r'\b(?:ok|warn|fail|unknown|note)\(\s*"([a-z0-9_]+)"'
    sources = (path.read_text() for path in sorted(Path(mail_dns.__file__).parent.glob("*.py")))
    codes = {code for source in sources for code in re.findall(given, source)}
    codes |= {case.verdict.split()[1] for cases in TABLE.values() for case in cases}
    assert len(codes) > 140
    assert codes <= MAIL_DNS.keys()


def test_the_table_covers_every_record_and_is_large_enough() -> None:
    assert set(TABLE) == set(EVALUATORS)
    assert sum(map(len, TABLE.values())) >= 150
