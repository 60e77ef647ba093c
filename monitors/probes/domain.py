"""Own the `domain` kind: all mail records of one domain, judged as one monitor and kept record by record."""

from __future__ import annotations

from collections.abc import Sequence

from monitors.mail_dns.evidence import details_of
from monitors.mail_dns.fetch import Evaluation, evaluate
from monitors.mail_dns.judgement import SEVERITY, Judgement, worst
from monitors.mail_dns.judging import not_judged
from monitors.mail_dns.options import DomainOptions
from monitors.mail_dns.report import domain_as_lines
from monitors.probes.kind import Check, Kind
from monitors.results import EVIDENCE_LIMIT_BYTES, ProbeResult, Result
from monitors.services.domains import keep_domain_records

MARGIN_S = 0.3
"""Kept back of the check's time for judging what was learnt."""


async def run(check: Check) -> ProbeResult:
    options: DomainOptions = check.options
    try:
        evaluation = await evaluate(options, max(0.1, check.timeout_s - MARGIN_S))
    except Exception as error:
        # A fault of ours must not end the prober, and says nothing about the domain.
        return ProbeResult(Result.UNKNOWN, "probe_error", f"the probe itself failed: {type(error).__name__}: {error}")
    return result_of(options, evaluation)


def result_of(options: DomainOptions, evaluation: Evaluation) -> ProbeResult:
    decisive = worst(evaluation.judgements)
    if decisive is None:
        return ProbeResult(Result.UNKNOWN, "nothing_judged", f"No record of {options.name} is configured to be judged.")
    lines = domain_as_lines(
        options.name, evaluation.judgements, not_judged(options, {one.record for one in evaluation.judgements})
    )
    return ProbeResult(
        decisive.result,
        decisive.reason,
        sentence_of(options, evaluation.judgements, decisive),
        latency_ms=round(evaluation.took_ms, 3),
        said="\n".join(lines).encode()[:EVIDENCE_LIMIT_BYTES].decode("utf-8", "ignore"),
        details=details_of(evaluation.judgements),
    )


def sentence_of(options: DomainOptions, judgements: Sequence[Judgement], decisive: Judgement) -> str:
    """The decisive record's sentence, and how many others are no better."""
    if decisive.result is Result.OK:
        return f"All {len(judgements)} records of {options.name} are well."
    others = sum(SEVERITY[one.result] == SEVERITY[decisive.result] for one in judgements) - 1
    more = f" ({others} more like it)" if others else ""
    return f"{decisive.record.upper()}: {decisive.sentence}{more}"


def host(options: DomainOptions) -> str:
    """Who bears the questions: the resolver, whose patience domains share."""
    return options.resolver.servers[0] if options.resolver else "system resolver"


KIND = Kind("domain", DomainOptions, run, host, keep=keep_domain_records)
