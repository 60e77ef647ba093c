"""Own the calls that jobs make to us."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class HeartbeatSignal(models.Model):
    """One call of one job. `note` is what the job sent along, cut; it is the job's text, shown as text only."""

    class Kind(models.TextChoices):
        START = "start", "Start"
        FINISH = "finish", "Finish"
        FAIL = "fail", "Fail"

    monitor = models.ForeignKey("monitors.Monitor", models.CASCADE, related_name="heartbeat_signals")
    kind = models.CharField(max_length=6, choices=Kind)
    exit_code = models.SmallIntegerField(null=True)
    note = models.TextField(blank=True, default="")
    received_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=["start", "finish", "fail"]), name="heartbeat_signal_kind_known"
            ),
        ]
        indexes = [models.Index(fields=["monitor", "kind", "-id"], name="heartbeat_newest")]
