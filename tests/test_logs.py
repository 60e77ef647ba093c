"""A log line is one line, says what and with which figures, and never holds a secret."""

from __future__ import annotations

import json
import logging
import sys
from typing import Any

import pytest

from statuspage.logs import Json, Line


def record(message: str, *args: Any, **extra: Any) -> logging.LogRecord:
    return logging.getLogger("tests").makeRecord(
        "tests", logging.WARNING, __file__, 1, message, args, None, extra=extra
    )


def shown(**extra: Any) -> dict[str, Any]:
    return json.loads(Json().format(record("said", **extra)))


def test_a_line_is_keys_and_values_in_a_fixed_order() -> None:
    line = Line().format(record("stored %d checks", 3, monitor="api-a", lag_ms=4.5))
    assert line.partition(" ")[0].startswith("time=20")
    assert line.partition(" ")[2] == 'level=warning logger=tests msg="stored 3 checks" monitor=api-a lag_ms=4.5'


def test_the_same_as_json_is_one_object() -> None:
    line = Json().format(record("said", monitor="api-a", at=3))
    assert "\n" not in line
    assert {"level": "warning", "msg": "said", "monitor": "api-a", "at": 3}.items() <= json.loads(line).items()


def test_what_the_wire_said_cannot_break_the_line() -> None:
    line = Line().format(record("banner", said='220 x"\r\nlevel=error msg=forged'))
    assert "\n" not in line
    assert r'said="220 x\"\r\nlevel=error msg=forged"' in line


def test_a_traceback_is_one_field() -> None:
    try:
        raise ValueError("postgresql://me:hush@db/mail")
    except ValueError:
        made = record("failed")
        made.exc_info = sys.exc_info()
    line = Line().format(made)
    assert "\n" not in line
    assert "ValueError" in line
    assert "hush" not in line


@pytest.mark.parametrize(
    "extra",
    [
        pytest.param({"password": "hush"}, id="named password"),
        pytest.param({"api_token": "hush"}, id="named token"),
        pytest.param({"dsn": "hush"}, id="named dsn"),
        pytest.param({"url": "amqp://me:hush@mq:5672/"}, id="in a URL"),
        pytest.param({"said": "Authorization: Bearer hush-hush-hush"}, id="bearer"),
        pytest.param({"error": 'connection to "host=db password=hush" failed'}, id="in a conninfo"),
        pytest.param({"detail": {"path": "/x?token=hush"}}, id="inside a mapping"),
        pytest.param({"said": "Forbidden (CSRF cookie not set.): /sign-in/hush-Hush_hush/"}, id="in a sign-in link"),
        pytest.param({"said": "Not Found: /api/v1/heartbeats/12-1-hushhushhushhushhushhush/start"}, id="heartbeat"),
        pytest.param({"said": "unknown key sp_hush-hush_hush-hush_hush-hush"}, id="API token"),
        pytest.param({"detail": ["redis://:hush@cache"]}, id="inside a list"),
    ],
)
def test_a_secret_is_hidden(extra: dict[str, Any]) -> None:
    assert "hush" not in str(shown(**extra))
    assert "[hidden]" in str(shown(**extra))


def test_what_is_no_secret_stays() -> None:
    assert shown(url="https://api.example/health?page=2")["url"] == "https://api.example/health?page=2"
