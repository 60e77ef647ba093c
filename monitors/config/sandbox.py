"""Own the configuration that watches the sandbox: what a customer would write about it, from its `status`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

HEADER = """\
# How Standpipe watches its sandbox: written anew at each start of the sandbox, from what its status tells.
# A starting point for a file of your own: manage.py init
"""
SITE_BY_INSTANCE = {
    "api-1": ("ec2", "a"),
    "api-2": ("ec2", "b"),
    "api-3": ("dc-1", ""),
    "smtp-1": ("dc-1", ""),
    "smtp-2": ("dc-2", ""),
}


def sandbox_configuration(status: Mapping[str, Any], url: str, reader_dsn: Path, password: Path) -> str:
    """YAML text. `status` is what `sandbox status --json` prints; secrets stand in the two files named."""
    wanted = {
        "platform": {"name": "Sandbox Mail", "url": url},
        "components": components(),
        "monitors": [
            *api_monitors(status),
            *smtp_monitors(status, password),
            database_monitor(reader_dsn),
            suppression_monitor(status, reader_dsn),
            pool_monitor(status),
        ],
        "domains": [domain(status)],
        "queues": [queue(status, reader_dsn)],
    }
    return HEADER + yaml.dump(wanted, Dumper=PlainDumper, sort_keys=False, default_flow_style=None, width=120)


class PlainDumper(yaml.SafeDumper):
    """Writes a list that stands in two places twice: files of ours have no aliases."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def components() -> list[dict[str, Any]]:
    return [
        {"slug": "api", "name": "API", "tier": "api", "group": "Accepting", "public": True, "depends_on": ["database"]},
        {
            "slug": "smtp",
            "name": "SMTP",
            "tier": "smtp",
            "group": "Accepting",
            "public": True,
            "depends_on": ["database"],
        },
        {
            "slug": "sending",
            "name": "Sending",
            "tier": "sending",
            "group": "Sending",
            "public": True,
            "depends_on": ["database"],
        },
        {"slug": "database", "name": "Database", "tier": "database", "group": "Foundation"},
        {"slug": "dns", "name": "DNS and DMARC", "tier": "dns", "group": "Foundation"},
    ]


def api_monitors(status: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    api = status["api"]
    for instance, address in api["addresses"].items():
        port = port_of(address)
        yield instance_of("api", instance) | {
            "kind": "http",
            "url": f"https://{api['name']}:{port}/health",
            "connect_to": address,
            "ca": status["ca_file"],
            "every": "3s",
            "timeout": "2s",
            "expect": {"status": [200], "json": {"status": "ok"}, "under": "800ms"},
        }


def smtp_monitors(status: Mapping[str, Any], password: Path) -> Iterator[dict[str, Any]]:
    smtp = status["smtp"]
    for instance, address in smtp["addresses"].items():
        port = port_of(address)
        yield instance_of("smtp", instance) | {
            "kind": "smtp",
            "address": f"{smtp['name']}:{port}",
            "connect_to": address,
            "starttls": "required",
            "ca": status["ca_file"],
            "auth": {"user": smtp["user"], "password": {"file": str(password)}},
            "canary": smtp["good_recipient"],
            "known_bad": smtp["bad_recipient"],
            "every": "3s",
            "timeout": "2s",
        }


def instance_of(component: str, instance: str) -> dict[str, Any]:
    site, zone = SITE_BY_INSTANCE.get(instance, ("", ""))
    return {"slug": instance, "component": component, "site": site, "zone": zone}


def database_monitor(reader_dsn: Path) -> dict[str, Any]:
    return {
        "slug": "db-main",
        "component": "database",
        "kind": "postgres",
        "dsn": {"file": str(reader_dsn)},
        "max_connections_pct": 90,
        "max_blocked": "1s",
        "every": "3s",
        "timeout": "2s",
    }


def suppression_monitor(status: Mapping[str, Any], reader_dsn: Path) -> dict[str, Any]:
    """Senders ask this list about every recipient: where it cannot be read, nothing may be sent."""
    return {
        "slug": "suppression",
        "component": "sending",
        "kind": "postgres",
        "dsn": {"file": str(reader_dsn)},
        "query": {"sql": status["database"]["suppression_sql"], "max_rows": 1, "timeout": "1s"},
        "max_blocked": None,
        "max_transaction": None,
        "max_idle_in_transaction": None,
        "every": "3s",
        "timeout": "2s",
    }


def pool_monitor(status: Mapping[str, Any]) -> dict[str, Any]:
    dns, api = status["dns"], status["api"]
    return {
        "slug": "api-pool",
        "component": "dns",
        "kind": "pool",
        "query": api["name"],
        "servers": dns["addresses"],
        "members": [{"address": address, "weight": weight} for address, weight in api["weights"].items()],
        "every": "10s",
    }


def domain(status: Mapping[str, Any]) -> dict[str, Any]:
    dns = status["dns"]
    return {
        "name": dns["zone"],
        "component": "dns",
        "resolver": dns["addresses"],
        "dkim": dns["dkim_selectors"],
        "egress": dns["egress"],
        "mx": dns["mx"],
        "ns_port": port_of(dns["addresses"][0]),
        "https_port": port_of(dns["policy_address"]),
        "smtp_port": port_of(next(iter(status["smtp"]["addresses"].values()))),
        "ca": status["ca_file"],
        "every": "10s",
        "timeout": "8s",
    }


def port_of(address: str) -> int:
    return int(address.rpartition(":")[2])


def link(status: Mapping[str, Any]) -> dict[str, Any]:
    """The senders share one link to the sink, whose page tells its bits."""
    sink = next(instance for instance in status["instances"] if instance["role"] == "sink")
    return {
        "url": sink["metrics"],
        "bits": "sandbox_link_bits_total",
        "capacity": "sandbox_link_capacity_bits_per_second",
    }


def queue(status: Mapping[str, Any], reader_dsn: Path) -> dict[str, Any]:
    return {
        "slug": "outbound",
        "component": "sending",
        "kind": "sql",
        "dsn": {"file": str(reader_dsn)},
        "query": status["database"]["queue_sql"],
        "ledger": True,
        "link": link(status),
        "every": "1s",
        "oldest": {"warn": "30s", "fail": "5m"},
    }
