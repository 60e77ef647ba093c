"""Keep the calls that jobs make to us."""

from __future__ import annotations

import django.db.models.deletion
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0009_brin_by_time"),
    ]

    operations = [
        migrations.CreateModel(
            name="HeartbeatSignal",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[("start", "Start"), ("finish", "Finish"), ("fail", "Fail")], max_length=6
                    ),
                ),
                ("exit_code", models.SmallIntegerField(null=True)),
                ("note", models.TextField(blank=True, default="")),
                ("received_at", models.DateTimeField(db_default=django.db.models.functions.datetime.Now())),
                (
                    "monitor",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="heartbeat_signals",
                        to="monitors.monitor",
                    ),
                ),
            ],
            options={
                "ordering": ["-id"],
                "indexes": [models.Index(fields=["monitor", "kind", "-id"], name="heartbeat_newest")],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("kind__in", ["start", "finish", "fail"])),
                        name="heartbeat_signal_kind_known",
                    )
                ],
            },
        ),
    ]
