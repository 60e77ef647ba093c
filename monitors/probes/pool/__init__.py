"""Own the `pool` kind: what the authoritative servers really hand out, against the weights and the members' health."""

from __future__ import annotations

import asyncio
import dataclasses
from collections import Counter
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

import dns.message
import dns.rdatatype

from monitors.addresses import host_and_port
from monitors.probes import http, smtp, tcp, tls
from monitors.probes.attempt import Attempt, attempted
from monitors.probes.dns import SILENT, silence_fault
from monitors.probes.faults import Fault
from monitors.probes.kind import Check, Kind
from monitors.probes.pool.options import MemberProbe, PoolOptions
from monitors.probes.pool.shares import Shares, shares
from monitors.resolver import Endpoint, Reply, Status, ask
from monitors.results import ProbeResult, Result

SAMPLING_SHARE = 0.6
"""Of the check's time: the members are probed meanwhile, and the rest is for arithmetic and for a busy machine."""
IN_FLIGHT = 16
"""Questions at once to one server: enough to hide the way there, too few to flood its socket buffer."""
PATIENCE_S = 1.0
"""Then a question is asked once more: a lost datagram is nobody's fault."""
LOST_SHARE = 0.05
MEMBER_KINDS = {kind.name: kind for kind in (http.KIND, smtp.KIND, tcp.KIND, tls.KIND)}


@dataclasses.dataclass(slots=True)
class Sample:
    """What one server handed out: how often each address came first, and how its questions ended otherwise.

    A slow server is asked less often than `samples` says; what was never asked is not lost.
    """

    endpoint: Endpoint
    counts: Counter[str]
    asked: int = 0
    empty: int = 0
    lost: int = 0
    fault: Fault | None = None

    @property
    def is_heard(self) -> bool:
        return bool(self.counts or self.empty)


def first_address(message: dns.message.Message, rdtype: str) -> str | None:
    """The address that clients take: the first of the answer."""
    wanted = dns.rdatatype.from_text(rdtype)
    return next((str(rrset[0].address) for rrset in message.answer if rrset.rdtype == wanted), None)


async def sample(options: PoolOptions, endpoint: Endpoint, seconds: float) -> Sample:
    """Ask one server, without recursion, so that no cache smooths what it hands out."""
    found = Sample(endpoint, Counter())
    clock = asyncio.get_running_loop().time
    ends_at = clock() + seconds

    async def askers() -> None:
        while found.asked < options.samples and (room_s := ends_at - clock()) > 0:
            found.asked += 1
            reply = await ask_once(options, endpoint, min(PATIENCE_S, room_s))
            if reply.status is Status.TIMEOUT and (room_s := ends_at - clock()) > 0:
                reply = await ask_once(options, endpoint, min(PATIENCE_S, room_s))
            if reply.status is Status.TIMEOUT and clock() >= ends_at:
                found.asked -= 1  # cut off by us, not lost
            else:
                note(found, reply, options.type)

    await asyncio.gather(*(askers() for _ in range(min(IN_FLIGHT, options.samples))))
    return found


async def ask_once(options: PoolOptions, endpoint: Endpoint, timeout_s: float) -> Reply:
    return await ask(endpoint, options.query, options.type, timeout_s=timeout_s, recursion=False)


def note(found: Sample, reply: Reply, rdtype: str) -> None:
    if reply.message is None or reply.status in SILENT:
        found.lost += 1
        found.fault = found.fault or silence_fault(reply, is_ours=False)
    elif address := first_address(reply.message, rdtype):
        found.counts[address] += 1
    else:
        found.empty += 1


# A check's options must be the same object from run to run, for the kinds keep handles by it.
@lru_cache(maxsize=4096)
def _member_options(kind: str, options_json: str, address: str) -> Any:
    model = MEMBER_KINDS[kind].options
    return model.model_validate_json(options_json).model_copy(update={"connect_to": address})


def member_check(check: Check, probe: MemberProbe, address: str, place: int) -> Check:
    kind = MEMBER_KINDS[probe.kind]
    options = probe.options
    port = options.target[1] if probe.kind == "http" else host_and_port(options.target)[1]
    reached = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    made = _member_options(probe.kind, options.model_dump_json(by_alias=True, exclude_unset=True), reached)
    # Negative, so that a member's kept handle is never that of a monitor.
    number = -(check.monitor_id * 1000 + place)
    return Check(number, check.slug, kind.name, check.timeout_s * 0.9, check.interval_s, made)


async def probe_members(check: Check, options: PoolOptions) -> dict[str, ProbeResult]:
    if options.probe is None:
        return {}
    checks = {
        member.address: member_check(check, options.probe, member.address, place)
        for place, member in enumerate(options.members)
    }
    results = await asyncio.gather(*(MEMBER_KINDS[one.kind].run(one) for one in checks.values()))
    return dict(zip(checks, results, strict=True))


async def survey(attempt: Attempt) -> ProbeResult:
    options: PoolOptions = attempt.check.options
    attempt.begin("processing")
    seconds = attempt.left_s * SAMPLING_SHARE
    endpoints = [Endpoint.parse(server) for server in options.servers]
    members, samples = await asyncio.gather(
        probe_members(attempt.check, options),
        asyncio.gather(*(sample(options, endpoint, seconds) for endpoint in endpoints)),
    )
    attempt.is_reached = any(found.is_heard for found in samples)
    for found in samples:
        judge_sample(attempt, options, found)
    counted = sum((found.counts for found in samples), Counter[str]())
    down = {address: result for address, result in members.items() if result.result is Result.FAIL}
    weights = {
        address: weight for address, weight in options.weights.items() if address not in down or counted[address]
    }
    compared = shares(counted, weights)
    describe(attempt, compared, members)
    judge_members(attempt, compared, down)
    judge_shares(attempt, compared)
    return attempt.succeed(f"{compared.total} answers as weighted over {len(weights)} members")


def judge_sample(attempt: Attempt, options: PoolOptions, found: Sample) -> None:
    """Raise Fault for a server that hands out nothing; warn for one that loses answers."""
    attempt.transcript.remark(
        f"{found.endpoint}: {dict(found.counts)}, {found.empty} empty, {found.lost} of {found.asked} lost"
    )
    if not found.is_heard:
        fault = found.fault or Fault("timeout", f"DNS server {found.endpoint} does not answer")
        if not attempt.is_reached:
            raise fault
        attempt.warn(fault.reason, fault.sentence)  # the other servers still serve the name
        return
    if not found.counts:
        raise Fault("pool_empty", f"DNS server {found.endpoint} gives no address for {options.query}")
    if found.empty:
        raise Fault("pool_empty", f"{found.empty} of {found.asked} answers of {found.endpoint} hold no address")
    if found.lost > found.asked * LOST_SHARE:
        attempt.warn("pool_answers_lost", f"{found.lost} of {found.asked} questions to {found.endpoint} got no answer")


def describe(attempt: Attempt, compared: Shares, members: Mapping[str, ProbeResult]) -> None:
    for share in compared.shares:
        health = members.get(share.address)
        state = f", {health.result}: {health.sentence}" if health else ""
        attempt.transcript.remark(f"{share} (weight {share.weight}){state}")
    attempt.details["pool"] = {
        "total": compared.total,
        "chi_square": compared.chi_square,
        "p": compared.p,
        "shares": [dataclasses.asdict(share) for share in compared.shares],
        "members": {address: [result.result, result.reason] for address, result in members.items()},
    }


def judge_members(attempt: Attempt, compared: Shares, down: Mapping[str, ProbeResult]) -> None:
    for share in compared.shares:
        if share.address in down and share.seen:
            percent = 100 * share.seen / compared.total
            why = down[share.address].sentence
            raise Fault(
                "pool_member_down", f"{share.address} gets {percent:.0f} % of the answers and does not work: {why}"
            )
    seen = {share.address for share in compared.shares}
    for address, result in down.items():
        if address not in seen:
            attempt.warn(
                "pool_member_out", f"{address} does not work and is left out of the answers: {result.sentence}"
            )


def judge_shares(attempt: Attempt, compared: Shares) -> None:
    if compared.strangers:
        raise Fault("pool_stranger", f"unknown addresses in the answers: {', '.join(map(str, compared.strangers[:5]))}")
    if compared.missing:
        raise Fault("pool_member_missing", f"members that never come: {', '.join(map(str, compared.missing[:5]))}")
    if compared.drained_but_seen:
        attempt.warn(
            "pool_drained_seen", f"drained members still come: {', '.join(map(str, compared.drained_but_seen))}"
        )
    if compared.is_skewed:
        listed = ", ".join(map(str, compared.shares[:6]))
        attempt.warn("pool_skewed", f"shares are not as weighted: {listed} (chi-square {compared.chi_square:.1f})")


async def run(check: Check) -> ProbeResult:
    return await attempted(check, survey)


KIND = Kind("pool", PoolOptions, run, host=lambda options: options.servers[0])
