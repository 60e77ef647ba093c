"""Add the history: observations by day, evidence, roll-ups, state intervals, frozen months and chores."""

from __future__ import annotations

import datetime

import django.contrib.postgres.constraints
import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

import monitors.models.history

# Django declares the columns; the table is then made again as a partitioned one of the same shape.
PARTITION = """
ALTER TABLE {table} RENAME TO {table}_plain;
CREATE TABLE {table} (LIKE {table}_plain INCLUDING DEFAULTS) PARTITION BY RANGE ({column});
DROP TABLE {table}_plain;
ALTER TABLE {table} ADD PRIMARY KEY (monitor_id, location_id, {column});
CREATE TABLE {table}_default PARTITION OF {table} DEFAULT;
"""
PARTITIONED = [("monitors_observation", "at"), ("monitors_minuterollup", "start_at")]
# Every check updates its watch: with room on the page the new version stays there, and no index is touched.
ROOM = "ALTER TABLE monitors_watch SET (fillfactor = 50)"
NO_ROOM = "ALTER TABLE monitors_watch RESET (fillfactor)"


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0003_queues"),
    ]

    operations = [
        migrations.CreateModel(
            name="DayRollup",
            fields=[
                (
                    "monitor",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="monitors.monitor",
                    ),
                ),
                (
                    "location",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="monitors.location",
                    ),
                ),
                ("start_at", models.DateTimeField()),
                ("ok", models.IntegerField()),
                ("warn", models.IntegerField()),
                ("fail", models.IntegerField()),
                ("unknown", models.IntegerField()),
                ("latencies", models.BinaryField()),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "monitor", "location", "start_at", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
            ],
            options={
                "ordering": ["start_at"],
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Evidence",
            fields=[
                (
                    "monitor",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="monitors.monitor",
                    ),
                ),
                (
                    "location",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="monitors.location",
                    ),
                ),
                ("at", models.DateTimeField()),
                (
                    "result",
                    models.CharField(
                        choices=[("ok", "Ok"), ("warn", "Warn"), ("fail", "Fail"), ("unknown", "Unknown")],
                        max_length=10,
                    ),
                ),
                ("reason", models.CharField(max_length=80)),
                ("latency_ms", models.FloatField(null=True)),
                ("phases_ms", models.JSONField(null=True)),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "monitor", "location", "at", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("sentence", models.TextField()),
                ("transcript", models.TextField()),
            ],
            options={
                "ordering": ["-at"],
            },
        ),
        migrations.CreateModel(
            name="HourRollup",
            fields=[
                (
                    "monitor",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="monitors.monitor",
                    ),
                ),
                (
                    "location",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="monitors.location",
                    ),
                ),
                ("start_at", models.DateTimeField()),
                ("ok", models.IntegerField()),
                ("warn", models.IntegerField()),
                ("fail", models.IntegerField()),
                ("unknown", models.IntegerField()),
                ("latencies", models.BinaryField()),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "monitor", "location", "start_at", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
            ],
            options={
                "ordering": ["start_at"],
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="HouseJob",
            fields=[
                ("name", models.CharField(max_length=40, primary_key=True, serialize=False)),
                ("due_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("done_until", models.DateTimeField(null=True)),
                ("finished_at", models.DateTimeField(null=True)),
                ("error", models.TextField(blank=True, default="")),
            ],
        ),
        migrations.CreateModel(
            name="MinuteRollup",
            fields=[
                (
                    "monitor",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="monitors.monitor",
                    ),
                ),
                (
                    "location",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="monitors.location",
                    ),
                ),
                ("start_at", models.DateTimeField()),
                ("ok", models.IntegerField()),
                ("warn", models.IntegerField()),
                ("fail", models.IntegerField()),
                ("unknown", models.IntegerField()),
                ("latencies", models.BinaryField()),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "monitor", "location", "start_at", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
            ],
            options={
                "ordering": ["start_at"],
                "abstract": False,
            },
        ),
        migrations.CreateModel(
            name="Observation",
            fields=[
                (
                    "monitor",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="monitors.monitor",
                    ),
                ),
                (
                    "location",
                    models.ForeignKey(
                        db_constraint=False,
                        db_index=False,
                        on_delete=django.db.models.deletion.DO_NOTHING,
                        to="monitors.location",
                    ),
                ),
                ("at", models.DateTimeField()),
                (
                    "result",
                    models.CharField(
                        choices=[("ok", "Ok"), ("warn", "Warn"), ("fail", "Fail"), ("unknown", "Unknown")],
                        max_length=10,
                    ),
                ),
                ("reason", models.CharField(max_length=80)),
                ("latency_ms", models.FloatField(null=True)),
                ("phases_ms", models.JSONField(null=True)),
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "monitor", "location", "at", blank=True, editable=False, primary_key=True, serialize=False
                    ),
                ),
            ],
            options={
                "ordering": ["at"],
            },
        ),
        migrations.CreateModel(
            name="StateInterval",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "verdict",
                    models.CharField(
                        choices=[("up", "Up"), ("degraded", "Degraded"), ("down", "Down"), ("unknown", "Unknown")],
                        max_length=10,
                    ),
                ),
                ("reason", models.CharField(blank=True, default="", max_length=80)),
                ("started_at", models.DateTimeField()),
                ("ended_at", models.DateTimeField(null=True)),
            ],
            options={
                "ordering": ["started_at"],
            },
        ),
        migrations.CreateModel(
            name="UptimeMonth",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("month", models.DateField()),
                ("up", models.DurationField(default=datetime.timedelta(0))),
                ("degraded", models.DurationField(default=datetime.timedelta(0))),
                ("down", models.DurationField(default=datetime.timedelta(0))),
                ("unknown", models.DurationField(default=datetime.timedelta(0))),
                ("maintenance", models.DurationField(default=datetime.timedelta(0))),
                ("frozen_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
            ],
            options={
                "ordering": ["month"],
            },
        ),
        migrations.RemoveIndex(
            model_name="watch",
            name="watch_due",
        ),
        migrations.AddField(
            model_name="watch",
            name="standing",
            field=models.JSONField(default=dict),
        ),
        migrations.AddField(
            model_name="stateinterval",
            name="component",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="intervals",
                to="monitors.component",
            ),
        ),
        migrations.AddField(
            model_name="stateinterval",
            name="monitor",
            field=models.ForeignKey(
                null=True, on_delete=django.db.models.deletion.CASCADE, related_name="intervals", to="monitors.monitor"
            ),
        ),
        migrations.AddField(
            model_name="uptimemonth",
            name="component",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="uptime_months",
                to="monitors.component",
            ),
        ),
        migrations.AddField(
            model_name="uptimemonth",
            name="monitor",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.CASCADE,
                related_name="uptime_months",
                to="monitors.monitor",
            ),
        ),
        migrations.AddIndex(
            model_name="dayrollup",
            index=models.Index(fields=["start_at"], name="day_rollup_age"),
        ),
        migrations.AddIndex(
            model_name="evidence",
            index=models.Index(fields=["at"], name="evidence_age"),
        ),
        migrations.AddConstraint(
            model_name="evidence",
            constraint=models.UniqueConstraint(
                condition=models.Q(("result", "ok")), fields=("monitor", "location"), name="one_last_success"
            ),
        ),
        migrations.AddIndex(
            model_name="hourrollup",
            index=models.Index(fields=["start_at"], name="hour_rollup_age"),
        ),
        migrations.AddIndex(
            model_name="stateinterval",
            index=models.Index(fields=["monitor", "started_at"], name="interval_of_monitor"),
        ),
        migrations.AddIndex(
            model_name="stateinterval",
            index=models.Index(fields=["component", "started_at"], name="interval_of_component"),
        ),
        migrations.AddConstraint(
            model_name="stateinterval",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("component__isnull", True), ("monitor__isnull", False)),
                    models.Q(("component__isnull", False), ("monitor__isnull", True)),
                    _connector="OR",
                ),
                name="interval_of_one_subject",
            ),
        ),
        migrations.AddConstraint(
            model_name="stateinterval",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("ended_at__isnull", True), ("ended_at__gt", models.F("started_at")), _connector="OR"
                ),
                name="interval_has_length",
            ),
        ),
        migrations.AddConstraint(
            model_name="stateinterval",
            constraint=models.CheckConstraint(
                condition=models.Q(("verdict__in", ["up", "degraded", "down", "unknown"])),
                name="interval_verdict_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="stateinterval",
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(
                condition=models.Q(("monitor__isnull", False)),
                expressions=[
                    (monitors.models.history.OneValueRange(models.F("monitor"), models.F("monitor")), "&&"),
                    (monitors.models.history.TsTzRange("started_at", "ended_at"), "&&"),
                ],
                name="one_state_of_monitor_at_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="stateinterval",
            constraint=django.contrib.postgres.constraints.ExclusionConstraint(
                condition=models.Q(("component__isnull", False)),
                expressions=[
                    (monitors.models.history.OneValueRange(models.F("component"), models.F("component")), "&&"),
                    (monitors.models.history.TsTzRange("started_at", "ended_at"), "&&"),
                ],
                name="one_state_of_component_at_a_time",
            ),
        ),
        migrations.AddConstraint(
            model_name="uptimemonth",
            constraint=models.UniqueConstraint(fields=("monitor", "month"), name="one_month_of_monitor"),
        ),
        migrations.AddConstraint(
            model_name="uptimemonth",
            constraint=models.UniqueConstraint(fields=("component", "month"), name="one_month_of_component"),
        ),
        migrations.AddConstraint(
            model_name="uptimemonth",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("component__isnull", True), ("monitor__isnull", False)),
                    models.Q(("component__isnull", False), ("monitor__isnull", True)),
                    _connector="OR",
                ),
                name="month_of_one_subject",
            ),
        ),
        *(
            migrations.RunSQL(PARTITION.format(table=table, column=column), migrations.RunSQL.noop)
            for table, column in PARTITIONED
        ),
        migrations.RunSQL(ROOM, NO_ROOM),
    ]
