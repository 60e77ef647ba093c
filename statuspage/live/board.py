"""Own the hub of the board: its feeds, and the one instance a web process has."""

from __future__ import annotations

from statuspage.live.hub import Hub
from statuspage.live.visitors import welcome

BOARD = Hub(feeds=(), welcome=welcome)
