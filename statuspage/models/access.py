"""Own the people and programs that may come in: users, API tokens, one-time sign-in links."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings
from django.contrib.auth.models import AbstractUser
from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now
from django.utils.functional import cached_property

from statuspage.roles import Role


class User(AbstractUser):
    """A person. What a person may do comes from one role, held as a group (`statuspage.access`)."""

    session_epoch = models.PositiveIntegerField(default=0)

    class Meta(AbstractUser.Meta):
        permissions = [("manage_access", "Manage people, roles, sessions and API tokens")]

    @cached_property
    def role(self) -> Role | None:
        """The role, or None for a user without one, who may do nothing. One query."""
        names = self.groups.values_list("name", flat=True)
        return next((role for role in reversed(Role) if role in set(names)), None)

    def get_session_auth_hash(self) -> str:
        """Bound to the epoch besides the password: adding one to it ends every session of this person."""
        return f"{super().get_session_auth_hash()}.{self.session_epoch}"

    def get_session_auth_fallback_hash(self) -> Iterator[str]:
        for fallback in super().get_session_auth_fallback_hash():
            yield f"{fallback}.{self.session_epoch}"


class ApiToken(models.Model):
    """A program's key, kept as a SHA-256 digest: the key itself is shown once, at its making."""

    class Scope(models.TextChoices):
        SAMPLES = "samples", "push queue samples"
        CHANGES = "changes", "push change events"
        READ = "read", "read"
        METRICS = "metrics", "scrape /metrics"

    name = models.CharField(max_length=100, unique=True)
    digest = models.CharField(max_length=64, unique=True)
    scopes = ArrayField(models.CharField(max_length=20, choices=Scope))
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, models.SET_NULL, null=True)
    created_at = models.DateTimeField(db_default=Now())
    last_used_at = models.DateTimeField(null=True)
    revoked_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.name


class SignInLink(models.Model):
    """A one-time way in, kept as a digest: 15 minutes, one use."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.CASCADE)
    digest = models.CharField(max_length=64, unique=True)
    created_at = models.DateTimeField(db_default=Now())
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
