"""Own the board: the one screen that on-call people keep open, as plain data, read in a fixed number of queries.

selectors -> cards, rows, entries (pure) -> templates -> the page, the polled fragment and the live frames
"""

from __future__ import annotations

from statuspage.board.page import Board, board

__all__ = ["Board", "board"]
