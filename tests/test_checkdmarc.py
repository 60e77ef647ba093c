"""A second opinion: checkdmarc on the same zones over the wire, and every disagreement with its reason."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import Any

import dns.nameserver
import pytest

from tests.corpus import DOMAIN, Case, dmarc, spf, transport
from tests.zones import serving, zone

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # its dependencies' own
    import checkdmarc.dmarc
    import checkdmarc.smtp_tls_reporting
    import checkdmarc.spf
    import checkdmarc.utils

Check = Callable[..., Any]
CHECKS: dict[str, tuple[list[Case], Check]] = {
    "spf": (spf.CASES, checkdmarc.spf.check_spf),
    "dmarc": (dmarc.CASES, checkdmarc.dmarc.check_dmarc),
    "tls-rpt": (transport.TLS_RPT, checkdmarc.smtp_tls_reporting.check_smtp_tls_reporting),
}
NOT_ITS_QUESTION = {"egress", "envelope", "require"}
"""Options that ask for more than checkdmarc looks at."""

OURS_IS_STRICTER = {
    "spf: plus all": "+all is valid syntax, and lets everyone pass: useless (RFC 7208 section 5.1)",
    "spf: all without a sign is plus": "the same",
    "spf: the whole Internet as ip4": "the same by another term",
    "spf: plus all behind a redirect": "the same behind a redirect",
    "spf: void lookups below an include count": "the limit holds for the whole evaluation (section 4.6.4)",
    "dmarc: no p and no rua": "receivers apply no DMARC at all (RFC 9989 section 4.10.1); it says p=none",
    "dmarc: no p but rua": "valid only as p=none, which nobody meant to publish",
}
OURS_IS_MILDER = {
    "spf: version in capitals": "strings of the grammar have no case (RFC 5234 section 2.3)",
    "dmarc: other texts beside it": "records of another kind are discarded (RFC 9989 section 4.10 step 2)",
    "dmarc: a tag twice": "syntax errors after v are ignored (section 4.7), so receivers differ: a warning",
    "dmarc: an address without mailto": "a bad URI costs the reports, not the policy (section 4.7)",
    "dmarc: mailto without an address": "the same",
    "dmarc: an empty rua": "the same",
    "dmarc: inherited from above": "the policy of a name is that of the tree above it, whether it has records or not",
    "dmarc: inherited sp": "the same",
    "dmarc: two records above are discarded, and the walk goes on": "section 4.10 step 6",
    "dmarc: a public suffix speaks for those without a record": "section 4.10.1; it wants the name to exist",
    "tls-rpt: not published": "reports are optional",
    "tls-rpt: two records": "mail flows all the same: reports alone are lost, which is a warning",
    "tls-rpt: no rua": "the same",
    "tls-rpt: plain http": "the same",
}


def rows() -> Iterator[Any]:
    for record, (cases, check) in CHECKS.items():
        for case in cases:
            if not NOT_ITS_QUESTION & set(case.options):
                yield pytest.param(f"{record}: {case.id}", case, check, id=f"{record}: {case.id}")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "case", "check"), list(rows()))
def test_two_judges_agree_or_differ_for_a_written_reason(name: str, case: Case, check: Check) -> None:
    with serving(zone(case.zone)) as server:
        checkdmarc.utils.DNS_CACHE.clear()  # it remembers by name, not by server
        asked = [dns.nameserver.Do53Nameserver("127.0.0.1", server.port)]
        theirs = check(case.options.get("name", DOMAIN), nameservers=asked, timeout=0.3)["valid"]
    ours = case.verdict.split()[0]
    if ours == "unknown":
        return  # it has no third result: what nobody answered it calls invalid
    assert (name in OURS_IS_STRICTER) == (ours == "fail" and theirs)
    assert (name in OURS_IS_MILDER) == (ours != "fail" and not theirs)


def test_every_listed_disagreement_is_about_a_zone_of_the_corpus() -> None:
    names = {row.values[0] for row in rows()}
    assert names >= OURS_IS_STRICTER.keys() | OURS_IS_MILDER.keys()
