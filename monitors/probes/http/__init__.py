"""Own the `http` kind: one exchange, judged."""

from __future__ import annotations

import asyncio
import dataclasses
import socket
from datetime import UTC, datetime
from functools import partial

from monitors.certificates import end_of
from monitors.options import SecretError
from monitors.probes.faults import Fault, fault_of, name_fault
from monitors.probes.http import judgement
from monitors.probes.http.answer import Answer
from monitors.probes.http.exchange import Exchange, borrow, give_back
from monitors.probes.http.handle import presented_leaf
from monitors.probes.http.options import HttpOptions
from monitors.probes.kind import Check, Kind
from monitors.probes.patterns import PatternTooSlow, patiently
from monitors.results import ProbeResult, Result
from monitors.wire import look_up


async def run(check: Check) -> ProbeResult:
    options: HttpOptions = check.options
    exchange = borrow(check.monitor_id, options)
    try:
        answer = await exchange.run(check.timeout_s)
    except SecretError as error:
        return _failed(fault_of(error), None, None)
    except Exception as error:
        words = f"the probe itself failed: {type(error).__name__}: {error}"
        return _failed(Fault("probe_error", words, Result.UNKNOWN), None, None)
    result = await _judged(check, exchange, answer)
    give_back(check.monitor_id, exchange)
    return result


async def _judged(check: Check, exchange: Exchange, answer: Answer) -> ProbeResult:
    options: HttpOptions = check.options
    if answer.code:
        return await _explained(check, exchange, answer)
    try:
        failure = await patiently(
            partial(judgement.answer_failure, options, answer), check.timeout_s - answer.total_ms / 1000
        )
    except PatternTooSlow as slow:
        return _failed(slow, exchange, answer)
    if failure:
        return _failed(Fault(*failure), exchange, answer)
    warnings = judgement.warnings(options, answer, datetime.now(UTC))
    if warnings:
        sentence = "; ".join(warning.sentence for warning in warnings)
        return _told(Result.WARN, warnings[0].reason, sentence, exchange, answer)
    sentence = f"HTTP {judgement.in_words(answer.status)} in {answer.total_ms:.0f} ms"
    return _told(Result.OK, "ok", sentence, exchange, answer)


async def _explained(check: Check, exchange: Exchange, answer: Answer) -> ProbeResult:
    """A failed exchange, looked at again where libcurl tells too little: names, and certificates not trusted."""
    options: HttpOptions = check.options
    left_s = check.timeout_s - answer.total_ms / 1000
    if answer.code in judgement.NAME_CODES:
        return _failed(await _look_up_fault(options, left_s), exchange, answer)
    if answer.code in judgement.CERTIFICATE_CODES and left_s > 0:
        answer = dataclasses.replace(answer, leaf=await presented_leaf(options, left_s))
    fault = judgement.exchange_fault(options, answer, check.timeout_s, datetime.now(UTC))
    return _failed(fault, exchange, answer)


async def _look_up_fault(options: HttpOptions, left_s: float) -> Fault:
    host = options.host_name if not options.connect_to else options.target[0]
    try:
        async with asyncio.timeout(max(0.001, left_s)):
            await look_up(host, options.target[1], options.ip_version)
    except socket.gaierror as error:
        return name_fault(error, host)
    except TimeoutError:
        pass
    return Fault("resolver_failed", f"our resolver could not look up {host}", Result.UNKNOWN)


def _failed(fault: Fault, exchange: Exchange | None, answer: Answer | None) -> ProbeResult:
    sentence = exchange.without_secrets(fault.sentence) if exchange else fault.sentence
    return _told(fault.result, fault.reason, sentence, exchange, answer)


def _told(result: Result, reason: str, sentence: str, exchange: Exchange | None, answer: Answer | None) -> ProbeResult:
    if exchange is None or answer is None:
        return ProbeResult(result, reason, sentence)
    is_reached = answer.times_ms[1] > 0
    return ProbeResult(
        result,
        reason,
        sentence,
        latency_ms=answer.total_ms if is_reached else None,
        phases_ms=answer.phases_ms,
        said=exchange.transcript(answer),
        details={"certificate_not_after": end_of(answer.leaf)} if answer.leaf else None,
    )


KIND = Kind("http", HttpOptions, run, host=lambda options: options.target[0])
