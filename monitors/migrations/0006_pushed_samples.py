"""Let pushed samples wait until they are read, and a prober take over what its predecessor remembered."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

UNREAD = "CREATE INDEX queue_sample_unread ON monitors_queuesample (monitor_id, at) WHERE NOT is_read"
MONITOR = models.ForeignKey(
    db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, to="monitors.monitor"
)


class Migration(migrations.Migration):
    dependencies = [("monitors", "0005_monitor_permissions")]

    operations = [
        migrations.AddField("queuesample", "is_read", models.BooleanField(default=True, db_default=True)),
        migrations.RunSQL(UNREAD, "DROP INDEX queue_sample_unread"),
        migrations.RenameField("queuestate", "ledger", "memory"),
        migrations.AlterField("queuesample", "monitor", MONITOR),
        migrations.AlterField("queuetenseconds", "monitor", MONITOR.clone()),
        migrations.AlterField("queueminute", "monitor", MONITOR.clone()),
    ]
