"""Own the question whether the people at open sockets may still be there."""

from __future__ import annotations

import hashlib

from django.contrib.sessions.models import Session
from django.utils import timezone

from statuspage.live.seat import Visitor
from statuspage.models import User


def standing(user: User) -> str:
    """A short digest of what a session's rights rest on: account, password, ended sessions, roles. One query."""
    groups = ",".join(sorted(group.name for group in user.groups.all()))
    told = f"{user.is_active}|{user.get_session_auth_hash()}|{groups}"
    return hashlib.sha256(told.encode()).hexdigest()[:16]


def visitor(session_key: str, user: User) -> Visitor:
    return Visitor(session_key=session_key, user_id=user.pk, standing=standing(user))


def welcome(visitors: set[Visitor]) -> set[Visitor]:
    """Those whose session lives and whose rights are what they were. Three queries for any number."""
    keys = {who.session_key for who in visitors}
    alive = set(
        Session.objects.filter(session_key__in=keys, expire_date__gt=timezone.now()).values_list(
            "session_key", flat=True
        )
    )
    users = User.objects.filter(pk__in={who.user_id for who in visitors}).prefetch_related("groups")
    standings = {user.pk: standing(user) for user in users}
    return {who for who in visitors if who.session_key in alive and standings.get(who.user_id) == who.standing}
