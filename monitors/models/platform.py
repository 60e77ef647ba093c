"""Own what the watched platform is called: one row."""

from __future__ import annotations

from django.db import models


class Platform(models.Model):
    """The one platform that this Standpipe watches."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    name = models.CharField(max_length=100)
    url = models.URLField(max_length=300, blank=True, default="")
    time_zone = models.CharField(max_length=60, default="UTC")

    class Meta:
        constraints = [models.CheckConstraint(condition=models.Q(id=1), name="one_platform")]

    def __str__(self) -> str:
        return self.name
