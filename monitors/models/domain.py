"""Own what is remembered of watched domains: each record as it was last seen, and how it changed."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from monitors.results import Result

RESULTS = [(result.value, result.name.title()) for result in Result]


class DomainRecord(models.Model):
    """One record of one watched domain. What was last learnt stays when nothing is learnt any more.

    `values` are the last confirmed texts, `pending_values` those seen since `pending_at` that wait for
    confirmation. `judged_at` is the last look, `learnt_at` the last that was answered, `good_at` the last
    whose result was ok or warn, with `good_values` and `good_sentence` as they were then.
    """

    monitor = models.ForeignKey("monitors.Monitor", models.CASCADE, related_name="domain_records")
    record = models.CharField(max_length=10)
    name = models.CharField(max_length=300)
    result = models.CharField(max_length=10, choices=RESULTS)
    reason = models.CharField(max_length=80)
    sentence = models.TextField()
    notes = models.JSONField(default=list)
    words = models.JSONField(default=list)
    detail = models.JSONField(default=dict)
    is_published = models.BooleanField(default=True)
    server = models.CharField(max_length=60, blank=True, default="")
    ttl_s = models.PositiveBigIntegerField(null=True)
    values = models.JSONField(null=True)
    pending_values = models.JSONField(null=True)
    pending_at = models.DateTimeField(null=True)
    pending_until = models.DateTimeField(null=True)
    judged_at = models.DateTimeField()
    learnt_at = models.DateTimeField(null=True)
    good_at = models.DateTimeField(null=True)
    good_values = models.JSONField(null=True)
    good_sentence = models.TextField(blank=True, default="")
    result_since = models.DateTimeField()

    class Meta:
        ordering = ["monitor", "id"]
        constraints = [
            models.UniqueConstraint(fields=["monitor", "record", "name"], name="one_row_per_domain_record"),
        ]


class RecordChange(models.Model):
    """A confirmed change of one record. `diff` is a list of {"op": "-" | "+" | "=", "text": ...}.

    `confirmed_by` says why it is no passing difference: all authoritative servers agree, or the old answer's
    time to live has passed and the new one still stands.
    """

    class ConfirmedBy(models.TextChoices):
        SERVERS = "servers", "All name servers agree"
        TTL = "ttl", "The old answer has expired everywhere"

    monitor = models.ForeignKey("monitors.Monitor", models.CASCADE, related_name="record_changes")
    record = models.CharField(max_length=10)
    name = models.CharField(max_length=300)
    before = models.JSONField()
    after = models.JSONField()
    diff = models.JSONField()
    title = models.CharField(max_length=300)
    confirmed_by = models.CharField(max_length=10, choices=ConfirmedBy)
    seen_at = models.DateTimeField()
    confirmed_at = models.DateTimeField()
    recorded_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["-confirmed_at", "-id"]
        indexes = [models.Index(fields=["monitor", "-confirmed_at"], name="record_change_of_domain")]
