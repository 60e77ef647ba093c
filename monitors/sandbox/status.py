"""Own what `sandbox status` tells: where everything is, how it is, what is broken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from monitors.sandbox import plan as plans
from monitors.sandbox.ledger import LedgerError
from monitors.sandbox.plan import Instance
from monitors.sandbox.schema import QUEUE_SQL, SUPPRESSION_SQL
from monitors.sandbox.supervisor import Platform
from monitors.sandbox.zone import POOL_WEIGHTS


async def status(platform: Platform, reader_dsn: str | None) -> dict[str, Any]:
    """One object, JSON-ready. Figures that cannot be had now are null, with the reason beside them."""
    await platform.tell_all()
    setup = platform.setup
    return {
        "base_port": setup.plan.base_port,
        "control": f"http://{setup.plan.control}",
        "started_at": platform.started_at.isoformat(timespec="seconds"),
        "ca_file": str(setup.authority.ca_file),
        "mode": dict(platform.mode),
        "instances": [_instance(platform, instance) for instance in setup.plan.instances],
        **_services(setup.plan),
        "database": {
            "schema": setup.schema,
            "reader_dsn": reader_dsn,
            "queue_sql": QUEUE_SQL.format(schema=setup.schema),
            "suppression_sql": SUPPRESSION_SQL.format(schema=setup.schema),
        },
        "totals": await _totals(platform),
        "faults": [asdict(one) for one in platform.active],
    }


def _instance(platform: Platform, instance: Instance) -> dict[str, Any]:
    child = platform.children[instance.name]
    scheme = "https" if instance.role == "api" else "http"
    return {
        "instance": instance.name,
        "role": instance.role,
        "address": str(instance.endpoint),
        "metrics": f"{scheme}://{instance.metrics}/metrics",
        "state": "hung" if platform.is_hung(instance.name) else "up" if child.is_alive else "down",
        "pid": child.pid,
        "restarts": max(0, child.births - 1),
        "report": child.report,
        "faults": [one.name for one in platform.active if one.instance == instance.name],
    }


def _services(plan: plans.Plan) -> dict[str, Any]:
    """The addresses by service, in the words that a monitor's configuration needs."""
    api, smtp = plan.role("api"), plan.role("smtp")
    return {
        "api": {
            "name": plans.API_NAME,
            "url": f"https://{plans.API_NAME}:{api[0].endpoint.port}",
            "addresses": {one.name: str(one.endpoint) for one in api},
            "weights": {one.endpoint.host: weight for one, weight in zip(api, POOL_WEIGHTS, strict=True)},
        },
        "smtp": {
            "name": plans.SMTP_NAME,
            "addresses": {one.name: str(one.endpoint) for one in smtp},
            "starttls": "required",
            "user": plans.SMTP_USER,
            "password": plans.SMTP_PASSWORD,
            "good_recipient": plans.GOOD_RECIPIENT,
            "bad_recipient": plans.BAD_RECIPIENT,
        },
        "dns": {
            "zone": plans.DOMAIN,
            "addresses": [str(one) for one in plan.name_servers],
            "dkim_selectors": [plans.DKIM_SELECTOR],
            "egress": list(plan.egress),
            "mx": [f"mx{n}.{plans.DOMAIN}" for n, _ in enumerate(smtp, start=1)],
            "policy_address": str(plan.policy),
            "policy_name": plans.MTA_STS_NAME,
        },
        "sink": {"address": str(plan.instance("sink").endpoint), "url": f"http://{plan.instance('sink').metrics}"},
        "link": {"address": str(plan.link)},
    }


async def _totals(platform: Platform) -> dict[str, Any]:
    try:
        figures = await platform.ledger.figures()
        by_instance: Mapping[str, Any] = await platform.ledger.totals()
    except LedgerError as error:
        return {**dict.fromkeys(("accepted", "sent", "bounced", "queued", "in_flight", "oldest_age_s")),
                "consumers": None, "residual": None, "by_instance": {}, "reason": str(error)}  # fmt: skip
    sink = {name: value for name, value in platform.children["sink"].report.items() if isinstance(value, int)}
    return {**figures._asdict(), "residual": figures.residual, "by_instance": by_instance, "sink": sink}
