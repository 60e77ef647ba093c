"""Keep how much of what leaves a queue the other side takes."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0010_heartbeats"),
    ]

    operations = [
        migrations.AddField("queuestate", "delivered_rate", models.FloatField(null=True)),
    ]
