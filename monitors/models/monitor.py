"""Own monitors, the places that probe them, and what is due where."""

from __future__ import annotations

from datetime import timedelta

from django.db import models
from django.db.models.functions import Now

from monitors.models.component import VERDICTS
from monitors.results import Verdict


class Location(models.Model):
    """A place that probes from: one name per site of ours, shared by the probers there."""

    id = models.SmallAutoField(primary_key=True)
    slug = models.CharField(max_length=63, unique=True)
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.slug


class Monitor(models.Model):
    """One probe of one target, on a schedule. `options` is what the kind's options model validated."""

    id = models.AutoField(primary_key=True)
    slug = models.CharField(max_length=253, unique=True)
    name = models.CharField(max_length=253)
    kind = models.CharField(max_length=20)
    component = models.ForeignKey("monitors.Component", models.PROTECT, null=True, related_name="monitors")
    site = models.CharField(max_length=63, blank=True, default="")
    zone = models.CharField(max_length=63, blank=True, default="")
    options = models.JSONField(default=dict)
    interval = models.DurationField(default=timedelta(seconds=10))
    timeout = models.DurationField(default=timedelta(seconds=5))
    down_after = models.PositiveSmallIntegerField(default=2)
    down_of = models.PositiveSmallIntegerField(default=3)
    up_after = models.PositiveSmallIntegerField(default=2)
    up_of = models.PositiveSmallIntegerField(default=2)
    locations = models.ManyToManyField(Location, through="Watch", related_name="monitors")

    is_from_file = models.BooleanField(default=False)
    is_paused = models.BooleanField(default=False)
    muted_until = models.DateTimeField(null=True)
    muted_reason = models.TextField(blank=True, default="")
    removed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())
    updated_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["slug"]
        permissions = [
            ("run_monitor", "Run monitors now"),
            ("mute_monitor", "Mute monitors for a time"),
            ("pause_monitor", "Pause and resume monitors"),
        ]
        constraints = [
            models.CheckConstraint(condition=models.Q(interval__gt=timedelta(0)), name="monitor_interval_positive"),
            models.CheckConstraint(condition=models.Q(timeout__gt=timedelta(0)), name="monitor_timeout_positive"),
            models.CheckConstraint(
                condition=models.Q(down_after__gte=1, down_after__lte=models.F("down_of"))
                & models.Q(up_after__gte=1, up_after__lte=models.F("up_of")),
                name="monitor_confirmation_possible",
            ),
        ]

    def __str__(self) -> str:
        return self.slug


class Watch(models.Model):
    """A monitor at a location: the due row that probers claim, and the window that verdicts read.

    `due_at` moves on by whole intervals from the row's phase, so schedules neither drift nor bunch.
    `window` holds the last observations, oldest first: [[epoch seconds, result, reason], ...]; `standing`
    what they amount to at this location (`engine.standings`). The prober `claimed_by` holds
    the row for as long as its heartbeat is fresh.
    """

    monitor = models.ForeignKey(Monitor, models.CASCADE, related_name="watches")
    location = models.ForeignKey(Location, models.PROTECT, related_name="watches")
    due_at = models.DateTimeField(db_default=Now())
    claimed_by = models.UUIDField(null=True)
    window = models.JSONField(default=list)
    standing = models.JSONField(default=dict)
    last_at = models.DateTimeField(null=True)
    last_result = models.CharField(max_length=10, blank=True, default="")
    last_reason = models.CharField(max_length=80, blank=True, default="")
    last_sentence = models.TextField(blank=True, default="")
    last_latency_ms = models.FloatField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["monitor", "location"], name="one_watch_per_monitor_and_location"),
        ]
        # No index on what every check changes: so the update stays on its page (HOT), and costs half.


class MonitorState(models.Model):
    """The verdict on one monitor over all its locations."""

    monitor = models.OneToOneField(Monitor, models.CASCADE, primary_key=True, related_name="state")
    verdict = models.CharField(max_length=10, choices=VERDICTS, default=Verdict.UNKNOWN.value)
    since = models.DateTimeField(db_default=Now())
    reason = models.CharField(max_length=80, blank=True, default="")
    sentence = models.TextField(blank=True, default="")
    is_flapping = models.BooleanField(default=False)
    last_known_good_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(verdict__in=[verdict.value for verdict in Verdict]), name="state_verdict_known"
            ),
        ]
