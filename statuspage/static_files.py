"""Own the names of static files: hashed once they were collected, plain in a checkout where they were not."""

from __future__ import annotations

from whitenoise.storage import CompressedManifestStaticFilesStorage


class HashedFiles(CompressedManifestStaticFilesStorage):
    """Hashed names for ever-cacheable files; a page never fails because `collectstatic` was not run."""

    manifest_strict = False

    def stored_name(self, name: str) -> str:
        if not self.hashed_files:
            return name
        return str(super().stored_name(name))
