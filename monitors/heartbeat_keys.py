"""Own the addresses that jobs call: unguessable, derived from the installation's secret, nothing stored."""

from __future__ import annotations

import base64
import re

from django.conf import settings
from django.utils.crypto import constant_time_compare, salted_hmac

SALT = "standpipe.heartbeat"
MAC_BYTES = 15
"""120 bits: out of reach of guessing over a network, and 24 letters in an address."""
KEY = re.compile(r"([0-9]{1,9})-([0-9]{1,4})-([a-z2-7]{24})")


def heartbeat_key(monitor_id: int, number: int) -> str:
    """The key of a monitor's address. Another `number` makes another key, and the old one void."""
    return f"{monitor_id}-{number}-{_mac(monitor_id, number, settings.SECRET_KEY)}"


def read_key(key: str) -> tuple[int, int] | None:
    """Monitor id and number, None for a key that we did not make: told before any query is spent on it."""
    found = KEY.fullmatch(key)
    if found is None:
        return None
    monitor_id, number = int(found[1]), int(found[2])
    for secret in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS):
        if constant_time_compare(found[3], _mac(monitor_id, number, secret)):
            return monitor_id, number
    return None


def _mac(monitor_id: int, number: int, secret: str | bytes) -> str:
    digest = salted_hmac(SALT, f"{monitor_id}:{number}", secret=secret, algorithm="sha256").digest()
    return base64.b32encode(digest[:MAC_BYTES]).decode().lower()
