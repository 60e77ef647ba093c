"""Own the list of faults: what each does, whom it can strike, and what it takes. Pure.

SandboxError
└── FaultError: the words of `break` or `mend` do not make sense; the message says what would.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Literal

from monitors.sandbox.knobs import Knobs

API = ("api-1", "api-2", "api-3")
SMTP = ("smtp-1", "smtp-2")
SENDERS = ("sender-1", "sender-2")
EVERY = (*API, *SMTP, *SENDERS, "sink", "dns", "load")
RECORDS = ("a", "mx", "spf", "dkim", "dmarc", "mta-sts", "tls-rpt", "ptr", "ns", "soa")
Kind = Literal["knob", "signal", "database", "order"]


class SandboxError(Exception):
    """The sandbox cannot do what was asked."""


class FaultError(SandboxError):
    """The fault, its instance or its arguments are not known."""


@dataclass(frozen=True, slots=True)
class Fault:
    """`by_default` empty: an instance must be named. `takes`: arguments by name, each default setting the type."""

    name: str
    says: str
    kind: Kind
    strikes: tuple[str, ...] = ()
    by_default: tuple[str, ...] = ()
    takes: Mapping[str, Any] = field(default_factory=dict)
    turn: Callable[[Knobs, Mapping[str, Any]], Knobs] | None = None


@dataclass(frozen=True, slots=True)
class Active:
    """One fault on one instance (or on the database, then `instance` is "database")."""

    name: str
    instance: str
    args: Mapping[str, Any]
    since: str


def _ail(word: str) -> Callable[[Knobs, Mapping[str, Any]], Knobs]:
    def turn(knobs: Knobs, args: Mapping[str, Any]) -> Knobs:
        return replace(knobs, records={**knobs.records, args["record"]: word})

    return turn


def _weigh(knobs: Knobs, args: Mapping[str, Any]) -> Knobs:
    return replace(knobs, weights=tuple(int(part) for part in args["weights"].split(",")))


FAULTS = {
    fault.name: fault
    for fault in (
        Fault("kill", "end the process with kill -9, and keep it down", "signal", EVERY),
        Fault("hang", "freeze the process: connections open, nothing answers", "signal", EVERY),
        Fault("senders-stopped", "the senders are told to stop, and do: no consumers", "signal", SENDERS, SENDERS),
        Fault(
            "senders-stuck", "the senders claim a batch and never finish it", "knob", SENDERS, SENDERS,
            turn=lambda knobs, _: replace(knobs, is_stuck=True),
        ),
        Fault(
            "slow", "every answer (or hand-over) takes so much longer", "knob", (*API, *SMTP, *SENDERS), API,
            {"seconds": 2.0}, lambda knobs, args: replace(knobs, slow_s=args["seconds"]),
        ),
        Fault(
            "errors", "a share of the requests gets 500", "knob", API, API,
            {"ratio": 0.5}, lambda knobs, args: replace(knobs, error_ratio=args["ratio"]),
        ),
        Fault(
            "expired-certificate", "serve the certificate that expired yesterday", "knob", (*API, *SMTP, "dns"), API,
            turn=lambda knobs, _: replace(knobs, is_expired=True),
        ),
        Fault(
            "smtp-tempfail", "answer mail with 451", "knob", (*SMTP, "sink"), SMTP,
            turn=lambda knobs, _: replace(knobs, is_tempfailing=True),
        ),
        Fault("db-lock", "a long migration holds the queue table", "database"),
        Fault("wrong-alter", "a migration of `activity` changes `suppression` instead", "database"),
        Fault("lose", "accepted messages vanish", "database", takes={"count": 5}),
        Fault("duplicate", "the next messages are handed over twice", "order", SENDERS, SENDERS[:1], {"count": 5}),
        Fault(
            "leak", "a sender ignores the mode", "knob", SENDERS, SENDERS[1:],
            turn=lambda knobs, _: replace(knobs, ignores_mode=True),
        ),
        Fault(
            "link-capacity", "the link lets through no more than this", "knob", ("sink",), ("sink",),
            {"bits_per_s": 50_000}, lambda knobs, args: replace(knobs, bits_per_s=args["bits_per_s"]),
        ),
        Fault(
            "pool-drift", "the A pool is answered by other weights than declared", "knob", ("dns",), ("dns",),
            {"weights": "1,0,0"}, _weigh,
        ),
        *(
            Fault(name, says, "knob", ("dns",), ("dns",), {"record": record}, _ail(word))
            for name, says, record, word in (
                ("record-dropped", "a record is gone from the zone", "dmarc", "dropped"),
                ("record-broken", "a record says something that it must not", "spf", "broken"),
                ("dns-timeout", "questions for a record get no answer", "all", "timeout"),
                ("dns-servfail", "questions for a record get SERVFAIL", "all", "servfail"),
                ("dns-truncate", "answers over UDP are truncated", "all", "truncate"),
            )
        ),
    )
}  # fmt: skip


def plan_break(name: str, instance: str | None, args: Mapping[str, Any], now: str) -> list[Active]:
    """What `break` asks for, one per struck instance. Raises FaultError naming what is valid."""
    fault = find(name)
    complete = {**fault.takes, **{key: _typed(fault, key, value) for key, value in args.items()}}
    _check_values(fault, complete)
    return [Active(name, struck, complete, now) for struck in _struck(fault, instance)]


def find(name: str) -> Fault:
    if name not in FAULTS:
        raise FaultError(f"no fault named {name!r}; there are: {', '.join(FAULTS)}")
    return FAULTS[name]


def _struck(fault: Fault, instance: str | None) -> tuple[str, ...]:
    if fault.kind == "database":
        if instance is not None:
            raise FaultError(f"{fault.name} strikes the database, not an instance")
        return ("database",)
    if instance is None and fault.by_default:
        return fault.by_default
    if instance not in fault.strikes:
        raise FaultError(f"{fault.name} needs --instance, one of: {', '.join(fault.strikes)}")
    return (instance,)


IN_WORDS = {int: "a whole number", float: "a number", str: "a text"}


def _typed(fault: Fault, key: str, value: Any) -> Any:
    if key not in fault.takes:
        known = ", ".join(f"{name}={default}" for name, default in fault.takes.items()) or "no arguments"
        raise FaultError(f"{fault.name} takes {known}; not {key!r}")
    kind = type(fault.takes[key])
    try:
        return kind(value)
    except ValueError:
        raise FaultError(f"{fault.name}: {key} must be {IN_WORDS[kind]}, not {value!r}") from None


def _check_values(fault: Fault, args: Mapping[str, Any]) -> None:
    if args.get("record", "all") not in (*RECORDS, "all"):
        raise FaultError(f"{fault.name}: record must be one of: all, {', '.join(RECORDS)}")
    if any(isinstance(value, int | float) and value < 0 for value in args.values()):
        raise FaultError(f"{fault.name}: numbers must not be negative")
    if "weights" in args:
        parts = args["weights"].split(",")
        if len(parts) != len(API) or not all(part.isdecimal() for part in parts) or not any(map(int, parts)):
            raise FaultError(f"{fault.name}: weights must be {len(API)} numbers, not all 0, such as 1,0,0")


def knobs_of(instance: str, active: Iterable[Active]) -> Knobs:
    """What all active faults together make of an instance."""
    knobs = Knobs()
    for one in active:
        turn = FAULTS[one.name].turn
        if one.instance == instance and turn is not None:
            knobs = turn(knobs, one.args)
    return knobs


def same(one: Active, other: Active) -> bool:
    """Whether the second replaces the first: same fault, same place, same record where there are records."""
    return (one.name, one.instance, one.args.get("record")) == (other.name, other.instance, other.args.get("record"))
