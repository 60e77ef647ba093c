"""Own the contents of the zone: every record set, and what it says when a fault breaks it. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.opcode
import dns.rcode
import dns.rdatatype
import dns.reversename
import dns.rrset

from monitors.sandbox.plan import API_NAME, DKIM_SELECTOR, DOMAIN, MTA_STS_NAME, SMTP_NAME, Plan

POOL_WEIGHTS = (2, 2, 1)
TTL = 60
POOL_TTL = 5  # short, as a pool that is to be steered by its weights needs
SERIAL = 2026010101
STRANGE_SERIAL = 2025010101
MTA_STS_ID = "20260101T000000"
MAX_AGE_S = 604_800
ORIGINS = tuple(dns.name.from_text(name) for name in (f"{DOMAIN}.", "test.", "127.in-addr.arpa."))


@dataclass(frozen=True, slots=True)
class Entry:
    """One record set. `record` is the word that faults use for it; `broken` what it says when it is broken."""

    name: str
    kind: str
    values: tuple[str, ...]
    record: str = ""
    broken: tuple[str, ...] = ()
    ttl: int = TTL


@dataclass(frozen=True, slots=True)
class Zone:
    """All record sets by (name, type), and the names that exist without any."""

    entries: Mapping[tuple[dns.name.Name, dns.rdatatype.RdataType], Entry]
    names: frozenset[dns.name.Name]
    pool: tuple[str, ...] = field(default=())


def build(plan: Plan, dkim_public: str) -> Zone:
    pool = tuple(one.endpoint.host for one in plan.role("api"))
    entries = {
        (dns.name.from_text(entry.name), dns.rdatatype.from_text(entry.kind)): entry
        for entry in (*_hosts(plan), *_mail(plan, dkim_public), *_delegation(plan), *_reverse(plan))
    }
    names = {name.split(depth)[1] for name, _ in entries for depth in range(2, len(name) + 1)}
    return Zone(entries, frozenset(names), pool)


def _hosts(plan: Plan) -> Iterator[Entry]:
    yield Entry(API_NAME, "A", tuple(one.endpoint.host for one in plan.role("api")), "a", ("127.0.0.99",), POOL_TTL)
    smtp = [one.endpoint.host for one in plan.role("smtp")]
    yield Entry(SMTP_NAME, "A", tuple(dict.fromkeys(smtp)))
    for n, host in enumerate(smtp, start=1):
        yield Entry(f"mx{n}.{DOMAIN}", "A", (host,))
    for n, host in enumerate(plan.egress, start=1):
        yield Entry(f"out{n}.{DOMAIN}", "A", (host,))
    for n, server in enumerate(plan.name_servers, start=1):
        yield Entry(f"ns{n}.{DOMAIN}", "A", (server.host,))
    yield Entry(MTA_STS_NAME, "A", (plan.policy.host,))


def _mail(plan: Plan, dkim_public: str) -> Iterator[Entry]:
    spf = " ".join(f"ip4:{address}" for address in plan.egress)
    yield Entry(DOMAIN, "MX", (f"10 mx1.{DOMAIN}.", f"10 mx2.{DOMAIN}."), "mx", (f"10 gone.{DOMAIN}.",))
    yield Entry(DOMAIN, "TXT", (f"v=spf1 {spf} -all",), "spf", ("v=spf1 +all",))
    selector = f"{DKIM_SELECTOR}._domainkey.{DOMAIN}"
    yield Entry(selector, "TXT", (f"v=DKIM1; k=rsa; p={dkim_public}",), "dkim", ("v=DKIM1; k=rsa; p=not!a!key",))
    reports = f"rua=mailto:dmarc@{DOMAIN}"
    yield Entry(f"_dmarc.{DOMAIN}", "TXT", (f"v=DMARC1; p=reject; {reports}",), "dmarc", ("v=DMARC1; p=rejekt",))
    yield Entry(f"_mta-sts.{DOMAIN}", "TXT", (f"v=STSv1; id={MTA_STS_ID};",), "mta-sts", ("v=STSv1;",))
    tls_reports = f"v=TLSRPTv1; rua=mailto:tls@{DOMAIN}"
    yield Entry(f"_smtp._tls.{DOMAIN}", "TXT", (tls_reports,), "tls-rpt", ("v=TLSRPTv1; rua=nowhere",))


def _delegation(plan: Plan) -> Iterator[Entry]:
    servers = tuple(f"ns{n}.{DOMAIN}." for n, _ in enumerate(plan.name_servers, start=1))
    yield Entry(DOMAIN, "NS", servers, "ns", (*servers, f"ns9.{DOMAIN}."))
    soa, strange = (f"ns1.{DOMAIN}. hostmaster.{DOMAIN}. {n} 3600 600 604800 60" for n in (SERIAL, STRANGE_SERIAL))
    yield Entry(DOMAIN, "SOA", (soa,), "soa", (strange,))
    for origin in ("test", "127.in-addr.arpa"):
        yield Entry(origin, "SOA", (soa,))
        yield Entry(origin, "NS", servers)


def _reverse(plan: Plan) -> Iterator[Entry]:
    """Where the machine has one address only, it can have one name only: that of the first sender."""
    names = {one.endpoint.host: f"mx{n}" for n, one in enumerate(plan.role("smtp"), start=1)}
    names |= {host: f"out{n}" for n, host in enumerate(plan.egress, start=1)}
    for host, name in names.items():
        where = dns.reversename.from_address(host).to_text()
        yield Entry(where, "PTR", (f"{name}.{DOMAIN}.",), "ptr", (f"pool-{host.replace('.', '-')}.{DOMAIN}.",))


def policy(plan: Plan) -> str:
    """The MTA-STS policy (RFC 8461 section 3.2)."""
    hosts = "".join(f"mx: mx{n}.{DOMAIN}\r\n" for n, _ in enumerate(plan.role("smtp"), start=1))
    return f"version: STSv1\r\nmode: enforce\r\n{hosts}max_age: {MAX_AGE_S}\r\n"
