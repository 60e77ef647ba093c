"""Own the form of log lines: one line an event, key=value or JSON, and never a secret."""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

KNOWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "color_message", "request"}
"""Attributes that every record has; what is left over came from `extra=`. Django adds the request, with cookies."""
SECRET_NAME = re.compile(r"password|passwd|secret|token|authorization|cookie|api_?key|dsn", re.IGNORECASE)
SECRET_IN_TEXT = re.compile(
    r"""(?ix)
    (?<=://) (?P<user> [^\s:/@]* : ) [^\s/@]+ (?=@)                     # in an address
    | (?P<name> (?: password | passwd | secret | token ) = ) [^\s&'"]+   # in a query or a conninfo
    | (?P<scheme> (?: bearer | basic ) \s ) [a-z0-9._~+/=-]{8,}          # in an Authorization header
    | (?P<link> /sign-in/ ) [^\s/"]+                                     # our own: a way in, perhaps unused
    | (?P<call> /heartbeats/ [0-9]+ - [0-9]+ - ) [a-z2-7]+               # whoever has it can make a monitor green
    | (?P<token> \b sp_ ) [a-z0-9_-]{16,}
    """
)
HIDDEN = "[hidden]"


class Line(logging.Formatter):
    """`time=... level=info logger=... msg="..." key=value`, tracebacks folded into one field."""

    def format(self, record: logging.LogRecord) -> str:
        return " ".join(f"{key}={quoted(value)}" for key, value in fields(self, record).items())


class Json(logging.Formatter):
    """The same fields as one JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(fields(self, record), default=str, ensure_ascii=False)


def fields(formatter: logging.Formatter, record: logging.LogRecord) -> dict[str, Any]:
    found: dict[str, Any] = {
        "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "logger": record.name,
        "msg": without_secrets(record.getMessage()),
    }
    extra = {key: value for key, value in vars(record).items() if key not in KNOWN and not key.startswith("_")}
    found |= without_secrets(extra)
    if record.exc_info:
        found["traceback"] = without_secrets(formatter.formatException(record.exc_info))
    return found


def without_secrets(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return {k: HIDDEN if SECRET_NAME.search(str(k)) else without_secrets(v) for k, v in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [without_secrets(item) for item in value]
    return SECRET_IN_TEXT.sub(lambda found: (found[found.lastgroup or 0] or "") + HIDDEN, str(value))


def quoted(value: Any) -> str:
    text = "" if value is None else str(value)
    plain = re.fullmatch(r"[\w.:/@+-]+", text)
    return text if plain else json.dumps(text, ensure_ascii=False)


def configuration(form: str, level: str) -> dict[str, Any]:
    """Django's LOGGING: everything to standard error, `form` being "line" or "json"."""
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": {"()": Line}, "json": {"()": Json}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": form}},
        "root": {"handlers": ["console"], "level": level},
        "loggers": {
            "django": {"handlers": [], "level": level, "propagate": True},
            "django.server": {"handlers": [], "propagate": True},
            "psycopg.pool": {"level": "ERROR"},
            # Its five lines about a start say what ours says in one.
            "uvicorn.error": {"level": "WARNING"},
        },
    }
