"""Own components: the parts of the mail platform that people recognise."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from monitors.results import Verdict

VERDICTS = [(verdict.value, verdict.name.title()) for verdict in Verdict]


class Component(models.Model):
    class Tier(models.TextChoices):
        API = "api", "API"
        SMTP = "smtp", "SMTP"
        DATABASE = "database", "Database"
        DNS = "dns", "DNS"
        QUEUE = "queue", "Queue"
        SENDING = "sending", "Sending"
        WEB = "web", "Web app"
        OTHER = "other", "Other"

    slug = models.CharField(max_length=63, unique=True)
    name = models.CharField(max_length=100)
    tier = models.CharField(max_length=20, choices=Tier, default=Tier.OTHER)
    group = models.CharField(max_length=100, blank=True, default="")
    description = models.TextField(blank=True, default="")
    position = models.PositiveIntegerField(default=0)
    is_public = models.BooleanField(default=False)
    is_loss_tolerated = models.BooleanField(default=False)
    downtime_tolerance = models.DurationField(null=True)
    depends_on = models.ManyToManyField("self", symmetrical=False, related_name="dependants")
    is_from_file = models.BooleanField(default=False)
    removed_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(db_default=Now())

    verdict = models.CharField(max_length=10, choices=VERDICTS, default=Verdict.UNKNOWN.value)
    verdict_since = models.DateTimeField(db_default=Now())
    sentence = models.TextField(blank=True, default="")

    class Meta:
        ordering = ["position", "slug"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(verdict__in=[verdict.value for verdict in Verdict]),
                name="component_verdict_known",
            ),
        ]

    def __str__(self) -> str:
        return self.name
