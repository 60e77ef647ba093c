"""A page is served whatever was collected, and when."""

from __future__ import annotations

from pathlib import Path

from statuspage.static_files import HashedFiles


def test_a_file_added_since_the_last_collection_keeps_its_plain_name(tmp_path: Path) -> None:
    storage = HashedFiles(location=tmp_path, base_url="/static/")
    storage.hashed_files = {"board.css": "board.0123.css"}

    assert storage.stored_name("board.css") == "board.0123.css"
    assert storage.stored_name("drawer.css") == "drawer.css"
