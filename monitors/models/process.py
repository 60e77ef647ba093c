"""Own the heartbeats of Standpipe's own processes."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now


class ProcessBeat(models.Model):
    """One running process of ours. Gone from the table when it ended well, old when it died."""

    class Role(models.TextChoices):
        PROBER = "prober"
        RESPONDER = "responder"

    id = models.UUIDField(primary_key=True)
    role = models.CharField(max_length=20)
    host = models.CharField(max_length=253)
    pid = models.PositiveIntegerField()
    location = models.CharField(max_length=63, blank=True, default="")
    started_at = models.DateTimeField(db_default=Now())
    beat_at = models.DateTimeField(db_default=Now())
    detail = models.JSONField(default=dict)

    class Meta:
        indexes = [models.Index(fields=["role", "beat_at"], name="beat_of_role")]
