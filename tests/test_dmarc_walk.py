"""The DNS tree walk finds the policy and the organisation that RFC 9989 says, in at most eight questions."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitors.mail_dns.dmarc_walk import effective, targets, walk
from monitors.mail_dns.facts import Facts
from tests.zones import ZoneFacts, zone


def facts(text: str) -> Facts:
    return Facts(ZoneFacts(zone(text)))


def record(name: str, tags: str) -> str:
    return f'_dmarc.{name} TXT "v=DMARC1; {tags}"\n'


def test_a_deep_name_costs_the_eight_questions_of_the_specification() -> None:
    assert list(targets("a.b.c.d.e.f.g.h.i.j.mail.example.com")) == [
        "a.b.c.d.e.f.g.h.i.j.mail.example.com",
        "g.h.i.j.mail.example.com",
        "h.i.j.mail.example.com",
        "i.j.mail.example.com",
        "j.mail.example.com",
        "mail.example.com",
        "example.com",
        "com",
    ]


@pytest.mark.parametrize(("labels", "questions"), [(1, 1), (2, 2), (7, 7), (8, 8), (9, 8), (40, 8)])
def test_no_name_costs_more_than_eight_questions(labels: int, questions: int) -> None:
    assert len(list(targets(".".join("abcdefgh"[at % 8] for at in range(labels))))) == questions


@given(st.lists(st.sampled_from("abc"), min_size=1, max_size=30))
def test_a_walk_ends_at_the_top_and_never_repeats_a_name(labels: list[str]) -> None:
    names = list(targets(".".join(labels)))
    assert names[-1] == labels[-1]
    assert len(set(names)) == len(names) <= 8
    assert all(below.endswith("." + above) for below, above in pairwise(names))


BANKS = record("bank.example", "p=reject; psd=y") + record("giant.bank.example", "p=quarantine")


@pytest.mark.parametrize(
    ("text", "name", "organization"),
    [
        pytest.param(record("example.com", "p=none"), "example.com", "example.com", id="itself"),
        pytest.param(record("example.com", "p=none"), "mail.example.com", "example.com", id="above"),
        pytest.param(
            record("example.com", "p=none") + record("signing.example.com", "p=none"), "signing.example.com",
            "example.com", id="the one with the fewest labels",
        ),
        pytest.param(BANKS, "giant.bank.example", "giant.bank.example", id="below a public suffix, with a record"),
        pytest.param(BANKS, "mail.giant.bank.example", "giant.bank.example", id="two below a public suffix"),
        pytest.param(BANKS, "mail.mega.bank.example", "mega.bank.example", id="below a suffix, without a record"),
        pytest.param(BANKS, "bank.example", "bank.example", id="the public suffix itself"),
        pytest.param(
            record("example.com", "p=none") + record("a.example.com", "p=none; psd=n"), "b.a.example.com",
            "a.example.com", id="psd=n ends the walk",
        ),
        pytest.param("", "example.com", "example.com", id="without any record"),
    ],
)  # fmt: skip
def test_the_organisation_of_a_name(text: str, name: str, organization: str) -> None:
    assert walk(facts(text), name).organization == organization


@pytest.mark.parametrize(
    ("tags", "kind", "policy", "tag"),
    [
        pytest.param("p=reject", "existing", "reject", "p", id="p for subdomains"),
        pytest.param("p=reject; sp=none", "existing", "none", "sp", id="sp for subdomains that exist"),
        pytest.param("p=reject; sp=none", "missing", "none", "sp", id="sp for those that do not, without np"),
        pytest.param("p=none; np=reject", "missing", "reject", "np", id="np for those that do not exist"),
        pytest.param("p=none; np=reject", "existing", "none", "p", id="np does not speak for those that do"),
        pytest.param("p=reject; t=y", "existing", "quarantine", "p", id="t=y lowers reject to quarantine"),
        pytest.param("p=none; sp=quarantine; t=y", "existing", "none", "sp", id="t=y lowers quarantine to none"),
        pytest.param("p=reject; sp=x", "existing", None, "", id="an invalid sp without rua: nothing"),
        pytest.param("p=reject; sp=x; rua=mailto:d@e.example", "existing", "none", "rua", id="with rua: none"),
        pytest.param("p=reject; pct=0", "existing", "reject", "p", id="pct means nothing any more"),
    ],
)
def test_the_policy_for_a_subdomain(tags: str, kind: str, policy: str | None, tag: str) -> None:
    found = effective(walk(facts(record("example.com", tags)), "sub.example.com"), kind)
    assert (found.policy, found.tag) == (policy, tag)


def test_a_doubtful_walk_has_no_policy_rather_than_none() -> None:
    found = effective(walk(facts("_dmarc.example.com ! SERVFAIL"), "example.com"), "existing")
    assert found.policy == "?"
