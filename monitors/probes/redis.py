"""Own the `redis` kind: PING and INFO over our own few lines of RESP, judged against thresholds."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import Field

from monitors.evidence import excerpt
from monitors.options import Duration, Secret
from monitors.probes.attempt import Attempt, attempted
from monitors.probes.faults import Fault
from monitors.probes.kind import Check, Kind
from monitors.probes.opening import open_wire, secure
from monitors.probes.trust import ServerOptions
from monitors.results import ProbeResult
from monitors.wire import Wire


class RedisOptions(ServerOptions):
    """A queue store must not evict (`may_evict: false`): an evicted key is lost mail."""

    tls: bool = False
    user: str | None = None
    password: Secret | None = None
    max_memory_pct: int = Field(default=90, ge=1, le=100)
    max_clients_pct: int = Field(default=80, ge=1, le=100)
    may_evict: bool = True
    under: Duration | None = None


def command(words: Sequence[str]) -> bytes:
    """RESP2: an array of bulk strings."""
    parts = [f"*{len(words)}\r\n".encode()]
    for word in words:
        raw = word.encode()
        parts.append(b"$%d\r\n%s\r\n" % (len(raw), raw))
    return b"".join(parts)


async def reply(wire: Wire) -> str:
    """A simple string or a bulk string. Raises Fault for an error reply and for what is not Redis."""
    line = (await wire.line()).rstrip(b"\r\n")
    mark, rest = line[:1], line[1:]
    if mark == b"+":
        return rest.decode("utf-8", "replace")
    if mark == b"$" and rest.isdigit():
        return (await wire.exactly(int(rest) + 2))[:-2].decode("utf-8", "replace")
    if mark == b"-":
        raise refusal(rest.decode("utf-8", "replace"))
    raise Fault("not_redis", f'what answers is not Redis; it said "{excerpt(line, 80)}"')


def refusal(words: str) -> Fault:
    code = words.partition(" ")[0]
    if code in {"NOAUTH", "WRONGPASS", "NOPERM"} or "invalid password" in words:
        return Fault("auth_failed", f"Redis refuses us: {excerpt(words)}")
    if code == "LOADING":
        return Fault("starting_up", "Redis is loading its data")
    if code == "MASTERDOWN":
        return Fault("replica_detached", f"Redis is a replica that lost its primary: {excerpt(words)}")
    return Fault("redis_error", f"Redis answers with an error: {excerpt(words)}")


def fields(text: str) -> dict[str, str]:
    pairs = (line.partition(":") for line in text.splitlines() if not line.startswith("#"))
    return {name: value for name, colon, value in pairs if colon}


class Session:
    """The commands of one check."""

    def __init__(self, attempt: Attempt, wire: Wire) -> None:
        self.attempt = attempt
        self.wire = wire

    async def say(self, phase: str, *words: str, shown: str | None = None) -> str:
        self.attempt.begin(phase)
        self.attempt.transcript.sent(shown or " ".join(words))
        self.wire.send(command(words))
        answer = await reply(self.wire)
        self.attempt.transcript.heard(answer)
        return answer

    async def sign_in(self, options: RedisOptions) -> None:
        if options.password is None:
            return
        password = options.password.reveal()
        self.attempt.secrets.append(password)
        names = [options.user] if options.user else []
        await self.say("auth", "AUTH", *names, password, shown="AUTH [redacted]")


def number(known: dict[str, str], name: str) -> int | None:
    value = known.get(name, "")
    return int(value) if value.isdigit() else None


def judge(attempt: Attempt, options: RedisOptions, known: dict[str, str]) -> None:
    """Warn, or raise Fault. A figure that INFO does not give is not judged, and is null in the details."""
    used, bound = number(known, "used_memory"), number(known, "maxmemory")
    evicted, clients, clients_bound = (
        number(known, name) for name in ("evicted_keys", "connected_clients", "maxclients")
    )
    attempt.details |= {"used_memory": used, "maxmemory": bound, "evicted_keys": evicted, "connected_clients": clients}
    attempt.details |= {"role": known.get("role"), "version": known.get("redis_version")}
    if evicted and not options.may_evict:
        raise Fault(
            "keys_evicted", f"Redis has evicted {evicted} keys since its start; a store of queues must keep all"
        )
    if not options.may_evict and bound and known.get("maxmemory_policy", "noeviction") != "noeviction":
        attempt.warn(
            "eviction_allowed", f"maxmemory_policy is {known['maxmemory_policy']}: a full Redis would drop keys"
        )
    if known.get("role") == "slave" and known.get("master_link_status") != "up":
        raise Fault("replica_detached", "Redis is a replica, and its link to the primary is down")
    if known.get("rdb_last_bgsave_status", "ok") != "ok" or known.get("aof_last_write_status", "ok") != "ok":
        attempt.warn("save_failed", "the last save to disk failed")
    if used is not None and bound and used * 100 > bound * options.max_memory_pct:
        attempt.warn(
            "memory_high", f"uses {used * 100 // bound} % of maxmemory, expected at most {options.max_memory_pct} %"
        )
    if clients is not None and clients_bound and clients * 100 > clients_bound * options.max_clients_pct:
        share = clients * 100 // clients_bound
        attempt.warn("connections_high", f"{clients} of {clients_bound} clients connected ({share} %)")


async def converse(attempt: Attempt) -> ProbeResult:
    options: RedisOptions = attempt.check.options

    wire = await open_wire(attempt, options)
    try:
        if options.tls:
            await secure(attempt, wire, options)
        session = Session(attempt, wire)
        await session.sign_in(options)
        pong = await session.say("ping", "PING")
        if pong != "PONG":
            raise Fault("not_redis", f'PING was answered with "{excerpt(pong, 60)}"')
        known = fields(await session.say("info", "INFO"))
    finally:
        wire.close()
    judge(attempt, options, known)
    attempt.warn_if_slower_than(options.under)
    return attempt.succeed(f"PONG in {attempt.phase_ms('ping'):.1f} ms, {known.get('connected_clients', '?')} clients")


async def run(check: Check) -> ProbeResult:
    return await attempted(check, converse)


KIND = Kind("redis", RedisOptions, run, host=lambda options: options.target_host)
