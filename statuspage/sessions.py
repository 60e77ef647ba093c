"""Own the store of sessions: Django's in the database, which is asked only for what can be a key of ours."""

from __future__ import annotations

from typing import Any

from django.contrib.sessions.backends import db


class SessionStore(db.SessionStore):
    """A cookie's value may be quoted and hold anything, a NUL too, on which PostgreSQL would fail."""

    def _validate_session_key(self, key: Any) -> bool:
        return bool(super()._validate_session_key(key)) and key.isascii() and key.isalnum()  # type: ignore[misc]
