"""Own a mail platform on a bad night, as rows: for the board's tests, its benchmark and its picture."""

from __future__ import annotations

import math
import uuid
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from monitors.models import (
    ChangeEvent,
    Component,
    Finding,
    Location,
    Monitor,
    MonitorState,
    ProcessBeat,
    QueueMinute,
    QueueState,
    QueueTenSeconds,
    StateChange,
    Watch,
)
from monitors.notices import SAMPLE_CHANNEL, STATE_CHANNEL, notify

COMPONENTS = (
    ("api", "API", "api", "degraded"),
    ("smtp", "SMTP", "smtp", "up"),
    ("database", "Database", "database", "up"),
    ("dns", "DNS and DMARC", "dns", "up"),
)
SENTENCES = {"api": "2 of 3 instances are up."}
MONITORS = (
    ("api", "api-ec2-a", "ec2", "a", "http", "up", "", 41.0),
    ("api", "api-ec2-b", "ec2", "b", "http", "down", "Certificate expired.", None),
    ("api", "api-dc-1", "dc", "1", "http", "up", "", 38.2),
    ("smtp", "smtp-a", "", "", "smtp", "up", "", 88.0),
    ("smtp", "smtp-b", "", "", "smtp", "up", "", 91.0),
    ("database", "primary", "", "", "postgres", "up", "", 2.1),
    ("database", "replica", "", "", "postgres", "up", "", 2.4),
    ("dns", "acme.example", "", "", "domain", "up", "", None),
)
QUEUES: tuple[dict[str, Any], ...] = (
    {"slug": "outbound-transactional", "name": "outbound · transactional", "word": "slow", "verdict": "degraded",
     "sentence": "The link is 98% full: 287/s acknowledged, 412/s coming in.", "depth": 18_406, "ingress_rate": 412.0,
     "ack_rate": 287.0, "delivered_rate": 281.3, "net_rate": -125.0, "oldest": 192, "eta_s": None, "residual": 0,
     "utilisation_ratio": 0.98},
    {"slug": "outbound-bulk", "name": "outbound · bulk", "word": "flowing", "verdict": "up",
     "sentence": "2,117 waiting, none longer than 35 s.", "depth": 2_117, "ingress_rate": 54.0, "ack_rate": 61.0,
     "delivered_rate": 60.4, "net_rate": 7.0, "oldest": 35, "eta_s": 302.0, "residual": 0},
    {"slug": "inbound", "name": "inbound", "word": "flowing", "verdict": "up",
     "sentence": "12 waiting, none longer than 2 s.", "depth": 12, "ingress_rate": 31.0, "ack_rate": 31.4,
     "delivered_rate": 31.4, "net_rate": 0.4, "oldest": 1, "eta_s": 30.0, "residual": 0},
    {"slug": "webhooks", "name": "webhooks", "word": "unknown", "verdict": "unknown",
     "sentence": "RabbitMQ did not answer for 14 s.", "depth": 83, "ingress_rate": None, "ack_rate": None,
     "net_rate": None, "oldest": None, "eta_s": None, "residual": None},
)  # fmt: skip


def bad_night(now: datetime | None = None, beats_for_s: float = 0.0) -> None:
    """Write all of it; the figures are those of `now`. `beats_for_s` feigns a prober that lives for so long."""
    now = now or timezone.now()
    beat(now + timedelta(seconds=beats_for_s))
    location = Location.objects.get_or_create(slug="main")[0]
    components = {
        slug: Component.objects.create(
            slug=slug,
            name=name,
            tier=tier,
            verdict=verdict,
            sentence=SENTENCES.get(slug, ""),
            position=position,
            verdict_since=now - timedelta(hours=3),
        )
        for position, (slug, name, tier, verdict) in enumerate(COMPONENTS)
    }
    for row in MONITORS:
        monitor(components[row[0]], location, now, *row[1:])
    for figures in QUEUES:
        queue(figures, now)
    happenings(now)


def beat(now: datetime) -> None:
    ProcessBeat.objects.create(id=uuid.uuid4(), role="prober", host="here", pid=1, beat_at=now)


def monitor(
    component: Component | None,
    location: Location,
    now: datetime,
    slug: str,
    site: str,
    zone: str,
    kind: str,
    verdict: str,
    sentence: str,
    latency_ms: float | None,
) -> Monitor:
    row = Monitor.objects.create(slug=slug, name=slug, kind=kind, component=component, site=site, zone=zone)
    since = now - timedelta(minutes=8)
    MonitorState.objects.create(monitor=row, verdict=verdict, sentence=sentence, since=since)
    Watch.objects.create(monitor=row, location=location, last_at=now, last_latency_ms=latency_ms, last_result="ok")
    return row


def queue(figures: dict[str, Any], now: datetime) -> Monitor:
    told = dict(figures)
    slug, name, verdict, oldest = (told.pop(key) for key in ("slug", "name", "verdict", "oldest"))
    row = Monitor.objects.create(slug=slug, name=name, kind="queue", options={"source": "push"})
    MonitorState.objects.create(monitor=row, verdict=verdict, sentence=told["sentence"])
    is_known = told["word"] != "unknown"
    at = now if is_known else now - timedelta(seconds=14)
    oldest_at = None if oldest is None else at - timedelta(seconds=oldest)
    QueueState.objects.create(monitor=row, at=at, judged_at=now, oldest_at=oldest_at, **told)
    history(row, told, now, is_known)
    return row


def history(row: Monitor, told: dict[str, Any], now: datetime, is_known: bool) -> None:
    until = now if is_known else now - timedelta(minutes=3)
    rates = (told["ingress_rate"] or 8.0, told["ack_rate"] or 8.0)
    for model, step_s, steps in ((QueueTenSeconds, 10, 90), (QueueMinute, 60, 1_440)):
        start = int(until.timestamp()) // step_s * step_s
        buckets = [bucket(model, row, start - n * step_s, n / steps, told["depth"], rates, now) for n in range(steps)]
        model.objects.bulk_create(buckets)


def bucket(
    model: Any, row: Monitor, at_s: int, age: float, depth: int, rates: tuple[float, float], now: datetime
) -> Any:
    """`age` runs from 0 (now) to 1: depth has grown since half of it, and the ack rate fell there."""
    at = datetime.fromtimestamp(at_s, now.tzinfo)
    is_growing = rates[0] > rates[1]
    wave = math.sin(at_s / 97) * 0.05
    deep = int(depth * (max(0.02, 1 - age * 2) if is_growing else 1 + wave * 4))
    ack = (rates[0] if is_growing and age > 0.5 else rates[1]) * (1 + wave)
    ingress = rates[0] * (1 + wave / 2)
    same: dict[str, Any] = {f"depth_{kind}": deep for kind in ("min", "max", "last")}
    same |= {f"ingress_{kind}": ingress for kind in ("min", "max", "last", "mean")}
    same |= {f"ack_{kind}": ack for kind in ("min", "max", "last", "mean")}
    return model(monitor=row, bucket_at=at, last_at=at, samples=1, rated=1, **same)


CHANGES = (
    ("webhooks", "up", "unknown", "The source does not answer.", 14),
    ("outbound-transactional", "up", "degraded", "The link is saturated.", 400),
    ("api-ec2-b", "up", "down", "Certificate expired 00:00 UTC.", 480),
    ("smtp-b", "down", "up", "", 3_000),
    ("smtp-b", "up", "down", "No banner within 5 s.", 3_300),
)


def happenings(now: datetime) -> None:
    for slug, before, after, sentence, seconds in CHANGES:
        change(Monitor.objects.get(slug=slug), before, after, sentence, now - timedelta(seconds=seconds))
    Finding.objects.create(
        kind="record_changed",
        subject="acme.example",
        title="DMARC record changed: p=reject to p=none",
        started_at=now - timedelta(hours=2),
        ended_at=now - timedelta(hours=2),
    )
    ChangeEvent.objects.create(
        key="d1", kind="deploy", title="sendservice 8f31c", source="ci", occurred_at=now - timedelta(minutes=10)
    )


def change(monitor: Monitor, before: str, after: str, sentence: str, at: datetime) -> None:
    StateChange.objects.create(
        monitor=monitor,
        from_verdict=before,
        to_verdict=after,
        reason="scripted",
        sentence=sentence,
        started_at=at,
        confirmed_at=at,
    )


def deploy(title: str) -> None:
    """A change event of this moment, which nobody is told of."""
    ChangeEvent.objects.create(key=title, kind="deploy", title=title, source="ci", occurred_at=timezone.now())


def set_depth(slug: str, depth: int, ack_rate: float) -> None:
    """A new sample, told as the prober tells it."""
    now = timezone.now()
    QueueState.objects.filter(monitor__slug=slug).update(depth=depth, ack_rate=ack_rate, at=now, judged_at=now)
    ProcessBeat.objects.filter(beat_at__lt=now).update(beat_at=now)
    notify(SAMPLE_CHANNEL, kinds=["queue"])


def set_verdict(slug: str, verdict: str, sentence: str = "") -> None:
    """A confirmed change, told as the engine tells it."""
    now = timezone.now()
    row = Monitor.objects.select_related("state").get(slug=slug)
    change(row, row.state.verdict, verdict, sentence, now)
    MonitorState.objects.filter(monitor=row).update(verdict=verdict, sentence=sentence, since=now)
    ProcessBeat.objects.filter(beat_at__lt=now).update(beat_at=now)
    notify(STATE_CHANNEL, monitors=[row.pk], components=[])


def many_monitors(number: int) -> None:
    """Operational HTTP monitors, fifty a component."""
    location = Location.objects.get_or_create(slug="main")[0]
    components = Component.objects.bulk_create(
        Component(slug=f"c{n}", name=f"Component {n}", tier="api", verdict="up") for n in range(number // 50 or 1)
    )
    rows = Monitor.objects.bulk_create(
        Monitor(slug=f"m{n}", name=f"m{n}", kind="http", component=components[n % len(components)])
        for n in range(number)
    )
    MonitorState.objects.bulk_create(MonitorState(monitor=row, verdict="up") for row in rows)
    Watch.objects.bulk_create(
        Watch(monitor=row, location=location, last_at=timezone.now(), last_latency_ms=20.0) for row in rows
    )
