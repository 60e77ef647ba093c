"""Own static files: names hashed once they were collected, plain in a checkout; and how they are answered."""

from __future__ import annotations

import contextlib
from typing import Any

from django.http import HttpRequest, HttpResponse
from whitenoise.middleware import WhiteNoiseMiddleware
from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedFiles(CompressedManifestStaticFilesStorage):
    """Hashed names for ever-cacheable files; a page never fails because `collectstatic` was not run."""

    manifest_strict = False
    # A module that imports another must ask for its hashed name, or the browser runs it twice.
    support_js_module_import_aggregation = True

    def stored_name(self, name: str) -> str:
        # What was added since the last collection keeps its plain name until the next.
        known: str | None = self.hashed_files.get(self.hash_key(self.clean_name(name)))
        return known or name


class StaticFiles(WhiteNoiseMiddleware):
    """WhiteNoise's own, but answered in one piece: under ASGI Django warns at each file that it streams from a thread.

    Our files are small enough for memory.
    """

    @staticmethod
    def serve(static_file: Any, request: HttpRequest) -> HttpResponse:  # type: ignore[override]
        found = static_file.get_response(request.method, request.META)
        with found.file or contextlib.nullcontext() as file:
            body = file.read() if file else b""
        return HttpResponse(body, status=int(found.status), headers=dict(found.headers), content_type="")
