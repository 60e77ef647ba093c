"""Own the reading of access: people with their roles and second factors, API tokens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from allauth.mfa.models import Authenticator
from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Q

from statuspage.models import ApiToken, User
from statuspage.roles import Role


@dataclass(frozen=True, slots=True)
class Person:
    pk: int
    username: str
    email: str
    role: Role | None
    is_active: bool
    has_password: bool
    factors: tuple[str, ...]
    last_login: datetime | None


def people() -> list[Person]:
    """Everybody, by name. One query."""
    rows = User.objects.annotate(
        roles=ArrayAgg("groups__name", filter=Q(groups__name__isnull=False), distinct=True, default=[]),
        factors=ArrayAgg("authenticator__type", filter=Q(authenticator__isnull=False), distinct=True, default=[]),
    ).order_by("username")
    return [
        Person(
            pk=row.pk,
            username=row.username,
            email=row.email,
            role=next((role for role in reversed(Role) if role in row.roles), None),
            is_active=row.is_active,
            has_password=row.has_usable_password(),
            factors=tuple(str(Authenticator.Type(kind).label) for kind in row.factors),
            last_login=row.last_login,
        )
        for row in rows
    ]


def tokens() -> Sequence[ApiToken]:
    """Those in use first, then the revoked, newest first. One query."""
    return list(ApiToken.objects.select_related("created_by").order_by("-revoked_at", "-created_at"))
