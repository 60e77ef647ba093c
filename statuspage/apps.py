"""Own the registration of the communicating floor with Django."""

from __future__ import annotations

from django.apps import AppConfig
from django.contrib.staticfiles.apps import StaticFilesConfig


class StatuspageConfig(AppConfig):
    default = True
    name = "statuspage"
    default_auto_field = "django.db.models.BigAutoField"


class StaticFiles(StaticFilesConfig):
    """Django's own, but htmx's extensions and versions that no page of ours uses stay out.

    They import each other by names that no file has, which stops `collectstatic`.
    """

    ignore_patterns = [*StaticFilesConfig.ignore_patterns, "django_htmx/ext/*", "django_htmx/htm*-4*"]
