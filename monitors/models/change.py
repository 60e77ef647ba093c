"""Own the news that travels up as rows: state changes, findings, and changes told to us."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from monitors.models.component import VERDICTS


class StateChange(models.Model):
    """A confirmed change of verdict of one monitor or one component: outbox, audit trail and history in one.

    `started_at` is backdated to the first observation that showed it; `processed_at` stays null until
    the responder has consumed the row.
    """

    monitor = models.ForeignKey("monitors.Monitor", models.CASCADE, null=True, related_name="state_changes")
    component = models.ForeignKey("monitors.Component", models.CASCADE, null=True, related_name="state_changes")
    from_verdict = models.CharField(max_length=10, choices=VERDICTS)
    to_verdict = models.CharField(max_length=10, choices=VERDICTS)
    reason = models.CharField(max_length=80)
    sentence = models.TextField(blank=True, default="")
    started_at = models.DateTimeField()
    confirmed_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now())
    processed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-started_at", "-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(monitor__isnull=False, component__isnull=True)
                | models.Q(monitor__isnull=True, component__isnull=False),
                name="change_of_one_subject",
            ),
            models.CheckConstraint(
                condition=~models.Q(from_verdict=models.F("to_verdict")), name="change_changes_something"
            ),
        ]
        indexes = [
            models.Index(fields=["id"], condition=models.Q(processed_at__isnull=True), name="change_unprocessed"),
            models.Index(fields=["monitor", "-started_at"], name="change_of_monitor"),
            models.Index(fields=["component", "-started_at"], name="change_of_component"),
            models.Index(fields=["-confirmed_at"], name="change_newest"),
        ]


class Finding(models.Model):
    """Something wrong that is not up or down. One open finding per kind and subject; closed by `ended_at`.

    A finding that happens at an instant (a record changed) is written with `ended_at` = `started_at`.
    """

    kind = models.CharField(max_length=40)
    monitor = models.ForeignKey("monitors.Monitor", models.CASCADE, null=True, related_name="findings")
    subject = models.CharField(max_length=253)
    title = models.CharField(max_length=300)
    detail = models.JSONField(default=dict)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    recorded_at = models.DateTimeField(db_default=Now())
    processed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["-started_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "subject"], condition=models.Q(ended_at__isnull=True), name="one_open_finding"
            ),
        ]
        indexes = [
            models.Index(fields=["id"], condition=models.Q(processed_at__isnull=True), name="finding_unprocessed"),
            models.Index(fields=["-started_at"], name="finding_newest"),
        ]


class ChangeEvent(models.Model):
    """Something that people or machines changed (deploy, configuration, flag), told to us for charts and timeline."""

    key = models.CharField(max_length=200, unique=True)
    kind = models.CharField(max_length=40, default="deploy")
    title = models.CharField(max_length=300)
    source = models.CharField(max_length=200, blank=True, default="")
    link = models.URLField(max_length=500, blank=True, default="")
    detail = models.JSONField(default=dict)
    occurred_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-occurred_at", "-id"]
        indexes = [models.Index(fields=["-occurred_at"], name="change_event_newest")]
