"""Add queues: samples and their roll-ups in partitions by day, and the latest figures of each queue."""

from __future__ import annotations

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models

SAMPLES = """
CREATE TABLE monitors_queuesample (
    monitor_id integer NOT NULL,
    at timestamptz NOT NULL,
    depth bigint,
    in_total bigint,
    out_total bigint,
    oldest_at timestamptz,
    consumers integer,
    in_flight bigint,
    ingress_rate double precision,
    ack_rate double precision,
    PRIMARY KEY (monitor_id, at)
) PARTITION BY RANGE (at);
CREATE TABLE monitors_queuesample_default PARTITION OF monitors_queuesample DEFAULT;
"""
# A bucket is written by every sample that falls into it: room on the page keeps those updates off the index.
ROLLUP = """
CREATE TABLE {table} (
    monitor_id integer NOT NULL,
    bucket_at timestamptz NOT NULL,
    last_at timestamptz NOT NULL,
    samples integer NOT NULL,
    rated integer NOT NULL,
    depth_min bigint,
    depth_max bigint,
    depth_last bigint,
    ingress_min double precision,
    ingress_max double precision,
    ingress_last double precision,
    ingress_mean double precision,
    ack_min double precision,
    ack_max double precision,
    ack_last double precision,
    ack_mean double precision,
    oldest_max_s double precision,
    oldest_last_s double precision,
    PRIMARY KEY (monitor_id, bucket_at)
) PARTITION BY RANGE (bucket_at);
CREATE TABLE {table}_default PARTITION OF {table} DEFAULT WITH (fillfactor = 70);
"""
TABLES = [
    (SAMPLES, "monitors_queuesample"),
    (ROLLUP.format(table="monitors_queuetenseconds"), "monitors_queuetenseconds"),
    (ROLLUP.format(table="monitors_queueminute"), "monitors_queueminute"),
]


class Migration(migrations.Migration):
    dependencies = [("monitors", "0002_platform")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(create, f"DROP TABLE {table}") for create, table in TABLES],
            state_operations=[
                migrations.CreateModel(
                    name="QueueSample",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "monitor_id", "at", blank=True, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("at", models.DateTimeField()),
                        ("depth", models.BigIntegerField(null=True)),
                        ("in_total", models.BigIntegerField(null=True)),
                        ("out_total", models.BigIntegerField(null=True)),
                        ("oldest_at", models.DateTimeField(null=True)),
                        ("consumers", models.IntegerField(null=True)),
                        ("in_flight", models.BigIntegerField(null=True)),
                        ("ingress_rate", models.FloatField(null=True)),
                        ("ack_rate", models.FloatField(null=True)),
                        (
                            "monitor",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                to="monitors.monitor",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["at"],
                    },
                ),
                migrations.CreateModel(
                    name="QueueTenSeconds",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "monitor_id", "bucket_at", blank=True, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("bucket_at", models.DateTimeField()),
                        ("last_at", models.DateTimeField()),
                        ("samples", models.IntegerField()),
                        ("rated", models.IntegerField()),
                        ("depth_min", models.BigIntegerField(null=True)),
                        ("depth_max", models.BigIntegerField(null=True)),
                        ("depth_last", models.BigIntegerField(null=True)),
                        ("ingress_min", models.FloatField(null=True)),
                        ("ingress_max", models.FloatField(null=True)),
                        ("ingress_last", models.FloatField(null=True)),
                        ("ingress_mean", models.FloatField(null=True)),
                        ("ack_min", models.FloatField(null=True)),
                        ("ack_max", models.FloatField(null=True)),
                        ("ack_last", models.FloatField(null=True)),
                        ("ack_mean", models.FloatField(null=True)),
                        ("oldest_max_s", models.FloatField(null=True)),
                        ("oldest_last_s", models.FloatField(null=True)),
                        (
                            "monitor",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                to="monitors.monitor",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["bucket_at"],
                        "abstract": False,
                    },
                ),
                migrations.CreateModel(
                    name="QueueMinute",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "monitor_id", "bucket_at", blank=True, editable=False, primary_key=True, serialize=False
                            ),
                        ),
                        ("bucket_at", models.DateTimeField()),
                        ("last_at", models.DateTimeField()),
                        ("samples", models.IntegerField()),
                        ("rated", models.IntegerField()),
                        ("depth_min", models.BigIntegerField(null=True)),
                        ("depth_max", models.BigIntegerField(null=True)),
                        ("depth_last", models.BigIntegerField(null=True)),
                        ("ingress_min", models.FloatField(null=True)),
                        ("ingress_max", models.FloatField(null=True)),
                        ("ingress_last", models.FloatField(null=True)),
                        ("ingress_mean", models.FloatField(null=True)),
                        ("ack_min", models.FloatField(null=True)),
                        ("ack_max", models.FloatField(null=True)),
                        ("ack_last", models.FloatField(null=True)),
                        ("ack_mean", models.FloatField(null=True)),
                        ("oldest_max_s", models.FloatField(null=True)),
                        ("oldest_last_s", models.FloatField(null=True)),
                        (
                            "monitor",
                            models.ForeignKey(
                                db_constraint=False,
                                db_index=False,
                                on_delete=django.db.models.deletion.CASCADE,
                                to="monitors.monitor",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["bucket_at"],
                        "abstract": False,
                    },
                ),
            ],
        ),
        migrations.CreateModel(
            name="QueueState",
            fields=[
                (
                    "monitor",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="queue_state",
                        serialize=False,
                        to="monitors.monitor",
                    ),
                ),
                ("at", models.DateTimeField(null=True)),
                ("depth", models.BigIntegerField(null=True)),
                ("in_total", models.BigIntegerField(null=True)),
                ("out_total", models.BigIntegerField(null=True)),
                ("consumers", models.IntegerField(null=True)),
                ("in_flight", models.BigIntegerField(null=True)),
                ("oldest_at", models.DateTimeField(null=True)),
                ("ingress_rate", models.FloatField(null=True)),
                ("ack_rate", models.FloatField(null=True)),
                ("net_rate", models.FloatField(null=True)),
                ("utilisation_ratio", models.FloatField(null=True)),
                ("eta_s", models.FloatField(null=True)),
                ("eta_low_s", models.FloatField(null=True)),
                ("eta_high_s", models.FloatField(null=True)),
                ("eta_basis", models.CharField(blank=True, default="", max_length=10)),
                ("residual", models.BigIntegerField(null=True)),
                (
                    "word",
                    models.CharField(
                        choices=[
                            ("flowing", "Flowing"),
                            ("empty", "Empty"),
                            ("growing", "Growing"),
                            ("slow", "Slow"),
                            ("delayed", "Delayed"),
                            ("stalled", "Stalled"),
                            ("unknown", "Unknown"),
                        ],
                        default="unknown",
                        max_length=10,
                    ),
                ),
                ("cause", models.CharField(blank=True, default="", max_length=80)),
                ("sentence", models.TextField(blank=True, default="")),
                ("since", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                ("judged_at", models.DateTimeField(null=True)),
                ("ledger", models.JSONField(null=True)),
                ("held_reason", models.TextField(blank=True, default="")),
            ],
            options={
                "indexes": [models.Index(fields=["word", "since"], name="queue_state_word")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            ("word__in", ["flowing", "empty", "growing", "slow", "delayed", "stalled", "unknown"])
                        ),
                        name="queue_word_known",
                    )
                ],
            },
        ),
    ]
