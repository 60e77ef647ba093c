"""Let an admin end sessions, and share sign-in rate limits between web processes."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("statuspage", "0001_people_and_tokens")]

    operations = [
        migrations.AddField("user", "session_epoch", models.PositiveIntegerField(default=0)),
        migrations.AlterModelOptions(
            "user",
            options={
                "permissions": [("manage_access", "Manage people, roles, sessions and API tokens")],
                "verbose_name": "user",
                "verbose_name_plural": "users",
                "abstract": False,
            },
        ),
        # The table that Django's DatabaseCache expects (what `createcachetable` makes).
        migrations.RunSQL(
            """
            CREATE TABLE standpipe_cache (
                cache_key varchar(255) NOT NULL PRIMARY KEY,
                value text NOT NULL,
                expires timestamp with time zone NOT NULL
            );
            CREATE INDEX standpipe_cache_expires ON standpipe_cache (expires);
            """,
            "DROP TABLE standpipe_cache",
        ),
    ]
