"""Own the collected static files as documents in memory: their names carry a hash, so they are never stale."""

from __future__ import annotations

import gzip
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage, staticfiles_storage
from whitenoise.media_types import MediaTypes

from statuspage.front import Document

FOR_EVER = (b"cache-control", b"max-age=31536000, public, immutable")
TEXT = ("text/", "image/svg", "application/json")
SMALL = 512
"""Bytes; below that, compressing saves nothing on the wire."""


def static_documents() -> dict[str, Document]:
    """Documents by address; none where `collectstatic` has not run, and WhiteNoise finds the files instead."""
    storage = staticfiles_storage
    if settings.DEBUG or not isinstance(storage, ManifestStaticFilesStorage):
        return {}
    return {storage.url(name): document(Path(storage.path(hashed))) for name, hashed in storage.hashed_files.items()}


def document(file: Path) -> Document:
    body = file.read_bytes()
    content_type: str = MediaTypes().get_type(file.name)
    is_packed = len(body) > SMALL and content_type.startswith(TEXT)
    return Document(body, content_type, (FOR_EVER,), gzip.compress(body, mtime=0) if is_packed else None)
