"""Own the roles: what each may do, declared in one place and read at every check.

A role is a group's name. Permissions are taken from this table and not from rows, so that no
deployment can hold an older table than its code. A user has one role; without one, nothing is allowed.
"""

from __future__ import annotations

from typing import Any

from allauth.account.auth_backends import AuthenticationBackend
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.models import AnonymousUser

from statuspage.roles import Role

VIEWER = frozenset({"monitors.view_monitor", "monitors.view_component"})
RESPONDER = VIEWER | {"monitors.run_monitor", "monitors.mute_monitor"}
OPERATOR = RESPONDER | {"monitors.pause_monitor", "monitors.change_monitor", "monitors.add_monitor"}
ADMIN = OPERATOR | {"statuspage.manage_access"}

PERMISSIONS_BY_ROLE: dict[Role, frozenset[str]] = {
    Role.VIEWER: VIEWER,
    Role.RESPONDER: RESPONDER,
    Role.OPERATOR: OPERATOR,
    Role.ADMIN: ADMIN,
}


class RoleBackend(AuthenticationBackend):
    """Sign-in as allauth does it, permissions as the table above says. One query a request, none for strangers."""

    def get_all_permissions(self, user_obj: AbstractBaseUser | AnonymousUser, obj: Any = None) -> set[str]:
        role = getattr(user_obj, "role", None)
        if not user_obj.is_active or obj is not None or role is None:
            return set()
        return set(PERMISSIONS_BY_ROLE[role])
