"""Remember what watched domains publish, and how it changed."""

from __future__ import annotations

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0007_lease_by_heartbeat"),
    ]

    operations = [
        migrations.CreateModel(
            name="DomainRecord",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("record", models.CharField(max_length=10)),
                ("name", models.CharField(max_length=300)),
                (
                    "result",
                    models.CharField(
                        choices=[("ok", "Ok"), ("warn", "Warn"), ("fail", "Fail"), ("unknown", "Unknown")],
                        max_length=10,
                    ),
                ),
                ("reason", models.CharField(max_length=80)),
                ("sentence", models.TextField()),
                ("notes", models.JSONField(default=list)),
                ("words", models.JSONField(default=list)),
                ("detail", models.JSONField(default=dict)),
                ("is_published", models.BooleanField(default=True)),
                ("server", models.CharField(blank=True, default="", max_length=60)),
                ("ttl_s", models.PositiveBigIntegerField(null=True)),
                ("values", models.JSONField(null=True)),
                ("pending_values", models.JSONField(null=True)),
                ("pending_at", models.DateTimeField(null=True)),
                ("pending_until", models.DateTimeField(null=True)),
                ("judged_at", models.DateTimeField()),
                ("learnt_at", models.DateTimeField(null=True)),
                ("good_at", models.DateTimeField(null=True)),
                ("good_values", models.JSONField(null=True)),
                ("good_sentence", models.TextField(blank=True, default="")),
                ("result_since", models.DateTimeField()),
                (
                    "monitor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="domain_records",
                        to="monitors.monitor",
                    ),
                ),
            ],
            options={
                "ordering": ["monitor", "id"],
                "constraints": [
                    models.UniqueConstraint(fields=("monitor", "record", "name"), name="one_row_per_domain_record")
                ],
            },
        ),
        migrations.CreateModel(
            name="RecordChange",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("record", models.CharField(max_length=10)),
                ("name", models.CharField(max_length=300)),
                ("before", models.JSONField()),
                ("after", models.JSONField()),
                ("diff", models.JSONField()),
                ("title", models.CharField(max_length=300)),
                (
                    "confirmed_by",
                    models.CharField(
                        choices=[
                            ("servers", "All name servers agree"),
                            ("ttl", "The old answer has expired everywhere"),
                        ],
                        max_length=10,
                    ),
                ),
                ("seen_at", models.DateTimeField()),
                ("confirmed_at", models.DateTimeField()),
                ("recorded_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "monitor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="record_changes",
                        to="monitors.monitor",
                    ),
                ),
            ],
            options={
                "ordering": ["-confirmed_at", "-id"],
                "indexes": [models.Index(fields=["monitor", "-confirmed_at"], name="record_change_of_domain")],
            },
        ),
    ]
