"""Own the list of evaluators and the one pass over them: options and facts in, judgements out."""

from __future__ import annotations

from collections.abc import Callable

from monitors.mail_dns.bimi import judge_bimi
from monitors.mail_dns.caa import judge_caa
from monitors.mail_dns.dane import judge_dane
from monitors.mail_dns.dkim import judge_dkim
from monitors.mail_dns.dmarc import judge_dmarc
from monitors.mail_dns.dnsbl import judge_dnsbl
from monitors.mail_dns.facts import Facts
from monitors.mail_dns.judgement import Judgement
from monitors.mail_dns.mta_sts import judge_mta_sts
from monitors.mail_dns.mx import judge_mx
from monitors.mail_dns.ns import judge_ns
from monitors.mail_dns.options import DomainOptions
from monitors.mail_dns.ptr import judge_ptr
from monitors.mail_dns.spf import judge_spf
from monitors.mail_dns.tls_rpt import judge_tls_rpt

Evaluator = Callable[[DomainOptions, Facts], list[Judgement]]

EVALUATORS: dict[str, Evaluator] = {
    "spf": judge_spf,
    "dkim": judge_dkim,
    "dmarc": judge_dmarc,
    "mx": judge_mx,
    "ptr": judge_ptr,
    "mta-sts": judge_mta_sts,
    "tls-rpt": judge_tls_rpt,
    "dane": judge_dane,
    "ns": judge_ns,
    "dnsbl": judge_dnsbl,
    "caa": judge_caa,
    "bimi": judge_bimi,
}

WHY_NOT_JUDGED = {
    "dkim": "no selector is configured, and selectors cannot be guessed",
    "ptr": "no sending address (egress) is configured",
    "ns": "the resolver shows no name server for it, nor for any domain above it",
    "dnsbl": "no block list is configured",
}


def judge(options: DomainOptions, facts: Facts) -> list[Judgement]:
    """Every record of a domain that is configured to be judged, in the order of RECORDS."""
    return [
        one for record, evaluate in EVALUATORS.items() if record not in options.skip for one in evaluate(options, facts)
    ]


def not_judged(options: DomainOptions, judged: set[str]) -> dict[str, str]:
    """Records that nothing is said about, with the reason: silence must not look like health."""
    return {
        record: "skipped by configuration"
        if record in options.skip
        else WHY_NOT_JUDGED.get(record, "it does not apply")
        for record in EVALUATORS
        if record not in judged
    }
