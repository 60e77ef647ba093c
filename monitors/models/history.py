"""Own what was measured and how it stood: observations, evidence, roll-ups, state intervals, frozen months."""

from __future__ import annotations

from datetime import timedelta

from django.contrib.postgres.constraints import ExclusionConstraint
from django.contrib.postgres.fields import RangeOperators
from django.contrib.postgres.indexes import BrinIndex
from django.db import models
from django.db.models.functions import Now

from monitors.models.component import VERDICTS
from monitors.results import Result, Verdict

RESULTS = [(result.value, result.name.title()) for result in Result]


class Observed(models.Model):
    """What an observation and its evidence share. No foreign key is checked: COPY would pay for it at every row."""

    monitor = models.ForeignKey("monitors.Monitor", models.DO_NOTHING, db_constraint=False, db_index=False)
    location = models.ForeignKey("monitors.Location", models.DO_NOTHING, db_constraint=False, db_index=False)
    at = models.DateTimeField()
    result = models.CharField(max_length=10, choices=RESULTS)
    reason = models.CharField(max_length=80)
    latency_ms = models.FloatField(null=True)
    phases_ms = models.JSONField(null=True)
    """[[phase, milliseconds], ...]: pairs, because the keys of an object would not keep their order."""

    class Meta:
        abstract = True


class Observation(Observed):
    """One result of one monitor. Partitioned by day; the default partition takes what no day was made for."""

    pk = models.CompositePrimaryKey("monitor", "location", "at")

    class Meta:
        ordering = ["at"]
        # Rows arrive in the order of time: a few pages of summary find any minute of a day.
        indexes = [BrinIndex(fields=["at"], name="observation_age", pages_per_range=16)]


class Evidence(Observed):
    """What the wire said: of every observation that was not ok, and of the last one that was."""

    pk = models.CompositePrimaryKey("monitor", "location", "at")
    sentence = models.TextField()
    transcript = models.TextField()

    class Meta:
        ordering = ["-at"]
        constraints = [
            models.UniqueConstraint(
                fields=["monitor", "location"],
                condition=models.Q(result=Result.OK.value),
                name="one_last_success",
            ),
        ]
        indexes = [models.Index(fields=["at"], name="evidence_age")]


class Rollup(models.Model):
    """Counts and latencies of one watch over one bucket of time; `latencies` is a packed `histogram`."""

    monitor = models.ForeignKey("monitors.Monitor", models.DO_NOTHING, db_constraint=False, db_index=False)
    location = models.ForeignKey("monitors.Location", models.DO_NOTHING, db_constraint=False, db_index=False)
    start_at = models.DateTimeField()
    ok = models.IntegerField()
    warn = models.IntegerField()
    fail = models.IntegerField()
    unknown = models.IntegerField()
    latencies = models.BinaryField()

    class Meta:
        abstract = True
        ordering = ["start_at"]


class MinuteRollup(Rollup):
    """Partitioned by day, as the observations are."""

    pk = models.CompositePrimaryKey("monitor", "location", "start_at")

    class Meta(Rollup.Meta):
        indexes = [BrinIndex(fields=["start_at"], name="minute_rollup_age", pages_per_range=16)]


class HourRollup(Rollup):
    pk = models.CompositePrimaryKey("monitor", "location", "start_at")

    class Meta(Rollup.Meta):
        indexes = [models.Index(fields=["start_at"], name="hour_rollup_age")]


class DayRollup(Rollup):
    pk = models.CompositePrimaryKey("monitor", "location", "start_at")

    class Meta(Rollup.Meta):
        indexes = [models.Index(fields=["start_at"], name="day_rollup_age")]


class TsTzRange(models.Func):
    function = "TSTZRANGE"


class OneValueRange(models.Func):
    """A range that holds one number: ranges have a GiST class of their own, numbers need an extension for it."""

    function = "INT8RANGE"
    template = "%(function)s(%(expressions)s, '[]')"


def no_overlap(subject: str) -> ExclusionConstraint:
    return ExclusionConstraint(
        name=f"one_state_of_{subject}_at_a_time",
        expressions=[
            (OneValueRange(models.F(subject), models.F(subject)), RangeOperators.OVERLAPS),
            (TsTzRange("started_at", "ended_at"), RangeOperators.OVERLAPS),
        ],
        condition=models.Q((f"{subject}__isnull", False)),
    )


class StateInterval(models.Model):
    """How a monitor or a component stood, from when until when; `ended_at` null is now. Uptime integrates these."""

    monitor = models.ForeignKey("monitors.Monitor", models.CASCADE, null=True, related_name="intervals")
    component = models.ForeignKey("monitors.Component", models.CASCADE, null=True, related_name="intervals")
    verdict = models.CharField(max_length=10, choices=VERDICTS)
    reason = models.CharField(max_length=80, blank=True, default="")
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["started_at"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(monitor__isnull=False, component__isnull=True)
                | models.Q(monitor__isnull=True, component__isnull=False),
                name="interval_of_one_subject",
            ),
            models.CheckConstraint(
                condition=models.Q(ended_at__isnull=True) | models.Q(ended_at__gt=models.F("started_at")),
                name="interval_has_length",
            ),
            models.CheckConstraint(
                condition=models.Q(verdict__in=[verdict.value for verdict in Verdict]), name="interval_verdict_known"
            ),
            no_overlap("monitor"),
            no_overlap("component"),
        ]
        indexes = [
            models.Index(fields=["monitor", "started_at"], name="interval_of_monitor"),
            models.Index(fields=["component", "started_at"], name="interval_of_component"),
        ]


class UptimeMonth(models.Model):
    """A closed calendar month (UTC) of a monitor or component, counted once and never again."""

    monitor = models.ForeignKey("monitors.Monitor", models.CASCADE, null=True, related_name="uptime_months")
    component = models.ForeignKey("monitors.Component", models.CASCADE, null=True, related_name="uptime_months")
    month = models.DateField()
    up = models.DurationField(default=timedelta(0))
    degraded = models.DurationField(default=timedelta(0))
    down = models.DurationField(default=timedelta(0))
    unknown = models.DurationField(default=timedelta(0))
    maintenance = models.DurationField(default=timedelta(0))
    frozen_at = models.DateTimeField(db_default=Now())

    class Meta:
        ordering = ["month"]
        constraints = [
            models.UniqueConstraint(fields=["monitor", "month"], name="one_month_of_monitor"),
            models.UniqueConstraint(fields=["component", "month"], name="one_month_of_component"),
            models.CheckConstraint(
                condition=models.Q(monitor__isnull=False, component__isnull=True)
                | models.Q(monitor__isnull=True, component__isnull=False),
                name="month_of_one_subject",
            ),
        ]


class HouseJob(models.Model):
    """One recurring chore of the history, claimed when due by any prober. `done_until`: how far it has come."""

    name = models.CharField(max_length=40, primary_key=True)
    due_at = models.DateTimeField(db_default=Now())
    done_until = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)
    error = models.TextField(blank=True, default="")

    def __str__(self) -> str:
        return self.name
