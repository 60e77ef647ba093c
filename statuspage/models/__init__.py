"""Own the tables of the communicating floor: who may sign in and call."""

from __future__ import annotations

from statuspage.models.access import ApiToken, SignInLink, User

__all__ = ["ApiToken", "SignInLink", "User"]
