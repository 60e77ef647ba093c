"""Own the tables of queues: raw samples, their roll-ups, and the latest figures of each queue."""

from __future__ import annotations

from django.db import models
from django.db.models.functions import Now

from monitors.flow import Word

WORDS = [(word.value, word.value.title()) for word in Word]


class QueueSample(models.Model):
    """What one poll or push of one queue said. Partitioned by day of `at`; null is "not told", never zero.

    The two rates are those that ended with this sample, null after a counter reset. `is_read` is false while
    a pushed sample waits to be read by the prober.
    """

    pk = models.CompositePrimaryKey("monitor_id", "at")
    monitor = models.ForeignKey("monitors.Monitor", models.DO_NOTHING, db_constraint=False, db_index=False)
    at = models.DateTimeField()
    depth = models.BigIntegerField(null=True)
    in_total = models.BigIntegerField(null=True)
    out_total = models.BigIntegerField(null=True)
    oldest_at = models.DateTimeField(null=True)
    consumers = models.IntegerField(null=True)
    in_flight = models.BigIntegerField(null=True)
    ingress_rate = models.FloatField(null=True)
    ack_rate = models.FloatField(null=True)
    is_read = models.BooleanField(default=True, db_default=True)

    class Meta:
        ordering = ["at"]


class QueueRollup(models.Model):
    """Figures of one queue over one bucket that starts at `bucket_at`. Merging buckets loses nothing but order.

    `last_at` is the newest sample inside, so that a late arrival never overwrites a newer figure. Means
    are over the samples that had a rate (`rated`), and merge weighted by it.
    """

    pk = models.CompositePrimaryKey("monitor_id", "bucket_at")
    monitor = models.ForeignKey("monitors.Monitor", models.DO_NOTHING, db_constraint=False, db_index=False)
    bucket_at = models.DateTimeField()
    last_at = models.DateTimeField()
    samples = models.IntegerField()
    rated = models.IntegerField()
    depth_min = models.BigIntegerField(null=True)
    depth_max = models.BigIntegerField(null=True)
    depth_last = models.BigIntegerField(null=True)
    ingress_min = models.FloatField(null=True)
    ingress_max = models.FloatField(null=True)
    ingress_last = models.FloatField(null=True)
    ingress_mean = models.FloatField(null=True)
    ack_min = models.FloatField(null=True)
    ack_max = models.FloatField(null=True)
    ack_last = models.FloatField(null=True)
    ack_mean = models.FloatField(null=True)
    oldest_max_s = models.FloatField(null=True)
    oldest_last_s = models.FloatField(null=True)

    class Meta:
        abstract = True
        ordering = ["bucket_at"]


class QueueTenSeconds(QueueRollup):
    """Buckets of ten seconds, for sparklines and the last hours."""

    class Meta(QueueRollup.Meta):
        pass


class QueueMinute(QueueRollup):
    """Buckets of a minute, for the day chart and the same-hour baseline."""

    class Meta(QueueRollup.Meta):
        pass


class QueueState(models.Model):
    """The latest figures of one queue and what they amount to.

    `at` is the sample that the figures come from; while the source fails they stay, with their age, and
    only `word`, `cause` and `sentence` move on. `memory` is what the prober that takes over cannot replay.
    `held_reason` is written by the floor above when sending is paused on purpose.
    """

    monitor = models.OneToOneField("monitors.Monitor", models.CASCADE, primary_key=True, related_name="queue_state")
    at = models.DateTimeField(null=True)
    depth = models.BigIntegerField(null=True)
    in_total = models.BigIntegerField(null=True)
    out_total = models.BigIntegerField(null=True)
    consumers = models.IntegerField(null=True)
    in_flight = models.BigIntegerField(null=True)
    oldest_at = models.DateTimeField(null=True)
    ingress_rate = models.FloatField(null=True)
    ack_rate = models.FloatField(null=True)
    delivered_rate = models.FloatField(null=True)
    net_rate = models.FloatField(null=True)
    utilisation_ratio = models.FloatField(null=True)
    eta_s = models.FloatField(null=True)
    eta_low_s = models.FloatField(null=True)
    eta_high_s = models.FloatField(null=True)
    eta_basis = models.CharField(max_length=10, blank=True, default="")
    residual = models.BigIntegerField(null=True)
    word = models.CharField(max_length=10, choices=WORDS, default=Word.UNKNOWN.value)
    cause = models.CharField(max_length=80, blank=True, default="")
    sentence = models.TextField(blank=True, default="")
    since = models.DateTimeField(db_default=Now())
    judged_at = models.DateTimeField(null=True)
    memory = models.JSONField(null=True)
    held_reason = models.TextField(blank=True, default="")

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(word__in=[word.value for word in Word]), name="queue_word_known"),
        ]
        indexes = [models.Index(fields=["word", "since"], name="queue_state_word")]
