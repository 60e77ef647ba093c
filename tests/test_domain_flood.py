"""A record that unfolds into thousands of names makes us no tool of its author, and hides nothing else."""

from __future__ import annotations

import time

from monitors.mail_dns.fetch import QUESTIONS_LIMIT, evaluate
from monitors.mail_dns.options import DomainOptions
from monitors.mail_dns.tags import parse_tags
from tests.zones import serving, zone

FLOOD = " ".join(f"a:n{number}.victim.example" for number in range(2_500))
ZONE = f"""
acme.example TXT "v=spf1 include:flood.example -all"
flood.example TXT "v=spf1 {FLOOD} -all"
_dmarc.acme.example TXT "v=DMARC1; p=reject; rua=mailto:dmarc@acme.example"
acme.example MX 10 mx1.acme.example
mx1.acme.example A 192.0.2.1
"""


async def test_one_record_may_not_make_thousands_of_questions() -> None:
    with serving(zone(ZONE)) as server:
        resolver = {"servers": [server.address]}
        options = DomainOptions.model_validate({"name": "acme.example", "resolver": resolver, "skip": ["ns"]})
        evaluation = await evaluate(options, 20)
        asked = {(name, kind) for name, kind, _ in server.asked if name.endswith("victim.example")}
    found = {one.record: one for one in evaluation.judgements}
    assert len(asked) <= QUESTIONS_LIMIT + 100
    assert found["spf"].reason == "spf_too_many_lookups"
    assert found["dmarc"].reason == "dmarc_ok"


def test_a_record_of_thousands_of_tags_is_read_in_a_moment() -> None:
    tags = parse_tags("a=1;" * 16_000)
    began = time.process_time()
    assert tags.repeated == ("a",)
    assert time.process_time() - began < 0.5
