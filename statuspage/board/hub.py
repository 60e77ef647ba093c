"""Own the hub of the board: its feeds, and the one instance that a web process has."""

from __future__ import annotations

from monitors.notices import CONFIG_CHANNEL, SAMPLE_CHANNEL, STATE_CHANNEL
from statuspage.board.frames import queues_content, sparks_content, tiers_content
from statuspage.live.feed import Feed
from statuspage.live.hub import Hub
from statuspage.live.visitors import welcome
from statuspage.services.access import ACCESS_CHANNEL

FEEDS = (
    Feed(
        "queues",
        frozenset({SAMPLE_CHANNEL, STATE_CHANNEL, CONFIG_CHANNEL}),
        least_s=0.5,
        most_s=2.0,
        render=queues_content,
    ),
    # Not for every sample, as latencies in cells are no news: at once when a state changed.
    Feed("tiers", frozenset({STATE_CHANNEL, CONFIG_CHANNEL}), least_s=0.1, most_s=3.0, render=tiers_content),
    Feed("sparks", frozenset({CONFIG_CHANNEL}), least_s=1.0, most_s=5.0, render=sparks_content),
)
"""The page takes silence of 4 s for a loss: `queues` speaks at least every 2 s."""

BOARD = Hub(feeds=FEEDS, welcome=welcome, door=ACCESS_CHANNEL)
