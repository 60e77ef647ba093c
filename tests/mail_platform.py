"""Own a believable measured mail platform for page tests: four components, nine monitors, one in trouble."""

from __future__ import annotations

import math
from datetime import datetime, timedelta

from monitors.models import (
    Component,
    Evidence,
    Location,
    Monitor,
    MonitorState,
    Observation,
    Platform,
    ProcessBeat,
    StateInterval,
    Watch,
)

TRANSCRIPT = """\
* connected to 192.0.2.12:443 as api.acme.example
* TLS 1.3, TLS_AES_256_GCM_SHA384
* certificate: CN=api.acme.example, issued by Acme CA 2
* certificate expired 2026-03-01T00:00:00Z, 8 min ago
* chain: 2 certificates, name matches
> GET /health HTTP/1.1
> host: api.acme.example
> authorization: [redacted]
"""
SUCCESS = """\
* connected to 192.0.2.11:443 as api.acme.example
* TLS 1.3, certificate valid for 61 days
> GET /health HTTP/1.1
> host: api.acme.example
< HTTP/1.1 200 OK
< content-type: application/json
{"status": "ok", "queue": {"depth": 12, "oldest_s": 0.8}}
"""
COMPONENTS = (
    ("database", "Database", "database", "Storage", "up", "2 of 2 up"),
    ("api", "API", "api", "Accepting", "degraded", "2 of 3 up: ec2 b has an expired certificate"),
    ("smtp", "SMTP submission", "smtp", "Accepting", "up", "2 of 2 up"),
    ("sending", "Outbound sending", "sending", "Sending", "unknown", "the queue's source does not answer"),
)
MONITORS = (
    ("api-a", "api", "http", "ec2", "a", "up", "", 41.0),
    ("api-b", "api", "http", "ec2", "b", "down", "certificate expired 8 min ago (2026-03-01 00:00 UTC)", 38.0),
    ("api-c", "api", "http", "dc", "1", "up", "", 36.0),
    ("smtp-a", "smtp", "smtp", "ec2", "a", "up", "", 88.0),
    ("smtp-b", "smtp", "smtp", "dc", "1", "degraded", "slow: 912 ms, the limit is 800 ms", 912.0),
    ("db-main", "database", "postgres", "dc", "1", "up", "", 2.1),
    ("db-replica", "database", "postgres", "ec2", "a", "up", "", 3.4),
    ("outbound", "sending", "queue", "", "", "unknown", "RabbitMQ did not answer for 14 s", None),
    ("acme.example", None, "domain", "", "", "up", "", 12.0),
)


def build(now: datetime) -> None:
    """As it stands `now`: api-b has been down for eight minutes, everything was seen seconds ago."""
    Platform.objects.update_or_create(id=1, defaults={"name": "Acme Mail", "url": "https://status.acme.example"})
    ProcessBeat.objects.create(
        id="00000000-0000-4000-8000-000000000001", role="prober", host="probe-1", pid=7, beat_at=now
    )
    main = Location.objects.get_or_create(slug="main")[0]
    for at, (slug, name, tier, group, verdict, sentence) in enumerate(COMPONENTS):
        component = Component.objects.create(
            slug=slug, name=name, tier=tier, group=group, verdict=verdict, sentence=sentence, position=at,
            is_public=True, is_from_file=True, verdict_since=now - timedelta(minutes=8),
        )  # fmt: skip
        history(now, component=component, verdict=verdict)
    Component.objects.get(slug="api").depends_on.add(Component.objects.get(slug="database"))
    Component.objects.update(created_at=now - timedelta(days=40))
    for slug, owner, kind, site, zone, verdict, sentence, latency in MONITORS:
        monitor = Monitor.objects.create(
            slug=slug, name=slug, kind=kind, site=site, zone=zone, is_from_file=slug != "api-b",
            component=Component.objects.filter(slug=owner).first(), created_at=now - timedelta(days=40),
            options={"url": f"https://{slug}.acme.example/", "expect": {"status": [200], "json": {"status": "ok"}}},
        )  # fmt: skip
        since = now - timedelta(minutes=8) if verdict != "up" else now - timedelta(days=2, hours=5)
        MonitorState.objects.create(monitor=monitor, verdict=verdict, since=since, sentence=sentence)
        Watch.objects.create(
            monitor=monitor, location=main, last_at=now - timedelta(seconds=2), due_at=now + timedelta(seconds=8),
            last_result={"up": "ok", "degraded": "warn", "down": "fail"}.get(verdict, "unknown"),
            last_reason="ok" if verdict == "up" else "cert_expired", last_sentence=sentence or "200, status is ok",
            last_latency_ms=latency,
        )  # fmt: skip
        history(now, monitor=monitor, verdict=verdict)
    observe(Monitor.objects.get(slug="api-b"), main, now)


def history(now: datetime, verdict: str, **subject: Component | Monitor) -> None:
    began, turned = now - timedelta(days=40), now - timedelta(minutes=8)
    earlier = now - timedelta(minutes=34)
    steps = [("up", began, earlier), ("degraded", earlier, earlier + timedelta(minutes=4))]
    steps.append(("up", earlier + timedelta(minutes=4), turned))
    for state, start, end in steps:
        StateInterval.objects.create(verdict=state, started_at=start, ended_at=end, **subject)
    StateInterval.objects.create(verdict=verdict, reason="cert_expired", started_at=turned, **subject)


def observe(monitor: Monitor, location: Location, now: datetime) -> None:
    """An hour of checks every ten seconds, with a slow spell, and evidence of the last failure and success."""
    Observation.objects.bulk_create(
        Observation(
            monitor=monitor, location=location, at=now - timedelta(seconds=10 * at), result="ok", reason="ok",
            latency_ms=wave(at) + 28,
            phases_ms=[["dns", 0.8], ["tcp", 4.1], ["tls", 16 + wave(at) / 4], ["first_byte", wave(at)]],
        )
        for at in range(360)
    )  # fmt: skip
    for result, reason, sentence, text, age in (
        ("fail", "cert_expired", "The certificate expired 8 min ago.", TRANSCRIPT, 2),
        ("ok", "ok", "200, status is ok", SUCCESS, 490),
    ):
        Evidence.objects.create(
            monitor=monitor, location=location, at=now - timedelta(seconds=age), result=result, reason=reason,
            sentence=sentence, transcript=text, latency_ms=38.2, phases_ms=[["dns", 0.8], ["tcp", 4.1], ["tls", 33.3]],
        )  # fmt: skip


def wave(at: int) -> float:
    return 14 + 5 * math.sin(at / 9) + 4 * math.sin(at * 2.4) + (60 if 190 < at < 214 else 0)
