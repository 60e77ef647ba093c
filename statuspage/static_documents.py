"""Own the collected static files as documents in memory: their names carry a hash, so they are never stale."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

from django.conf import settings
from django.contrib.staticfiles.finders import get_finders
from django.contrib.staticfiles.storage import ManifestStaticFilesStorage, staticfiles_storage
from whitenoise.media_types import MediaTypes

from statuspage.front import Document, Header

FOR_EVER = (b"cache-control", b"max-age=31536000, public, immutable")
ASK_AGAIN = (b"cache-control", b"no-cache")
TEXT = ("text/", "image/svg", "application/json")
SMALL = 512
"""Bytes; below that, compressing saves nothing on the wire."""


def static_documents() -> dict[str, Document]:
    """Documents by address: hashed names where `collectstatic` has run, in a bare checkout the sources themselves."""
    storage = staticfiles_storage
    if settings.DEBUG or not isinstance(storage, ManifestStaticFilesStorage):
        return {}
    if not storage.hashed_files:
        return {storage.url(name): document(Path(path), ASK_AGAIN) for name, path in sources()}
    found = storage.hashed_files.items()
    return {storage.url(name): document(Path(storage.path(hashed)), FOR_EVER) for name, hashed in found}


def sources() -> Iterator[tuple[str, str]]:
    for finder in get_finders():
        for name, storage in finder.list([]):
            yield name, storage.path(name)


def document(file: Path, freshness: Header) -> Document:
    body = file.read_bytes()
    content_type: str = MediaTypes().get_type(file.name)
    is_packed = len(body) > SMALL and content_type.startswith(TEXT)
    return Document(body, content_type, (freshness,), gzip.compress(body, mtime=0) if is_packed else None)
