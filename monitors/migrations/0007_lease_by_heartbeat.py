"""Let the heartbeat be the lease: one row a second for a prober, instead of one for each watch."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("monitors", "0006_pushed_samples")]

    operations = [migrations.RemoveField(model_name="watch", name="claimed_until")]
