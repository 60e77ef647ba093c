"""Own the store of sessions: Django's in the database, which is asked only for what can be a key of ours."""

from __future__ import annotations

from typing import Any

from django.contrib.sessions.backends import db
from django.utils import timezone

SWEPT_AT_ONCE = 100


class SessionStore(db.SessionStore):
    """A cookie's value may be quoted and hold anything, a NUL too, on which PostgreSQL would fail."""

    def _validate_session_key(self, key: Any) -> bool:
        return bool(super()._validate_session_key(key)) and key.isascii() and key.isalnum()  # type: ignore[misc]

    def create(self) -> None:
        """Sweeps a few of the expired too: strangers who ask for a passkey's challenge get sessions, and leave them."""
        super().create()
        expired = self.model.objects.filter(expire_date__lt=timezone.now()).select_for_update(skip_locked=True)
        self.model.objects.filter(pk__in=expired.values("pk")[:SWEPT_AT_ONCE]).delete()
