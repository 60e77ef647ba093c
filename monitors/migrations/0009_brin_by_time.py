"""Find any minute of a day of observations by a few pages of summary."""

import django.contrib.postgres.indexes
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("monitors", "0008_domain_records"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="minuterollup",
            index=django.contrib.postgres.indexes.BrinIndex(
                fields=["start_at"], name="minute_rollup_age", pages_per_range=16
            ),
        ),
        migrations.AddIndex(
            model_name="observation",
            index=django.contrib.postgres.indexes.BrinIndex(fields=["at"], name="observation_age", pages_per_range=16),
        ),
    ]
