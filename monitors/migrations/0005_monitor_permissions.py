"""Declare what a role may do to monitors."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("monitors", "0004_history")]

    operations = [
        migrations.AlterModelOptions(
            "monitor",
            options={
                "ordering": ["slug"],
                "permissions": [
                    ("run_monitor", "Run monitors now"),
                    ("mute_monitor", "Mute monitors for a time"),
                    ("pause_monitor", "Pause and resume monitors"),
                ],
            },
        ),
    ]
