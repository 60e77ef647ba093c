"""Own the door that jobs knock on: whoever has the address may call it, with any common method."""

from __future__ import annotations

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from monitors.models import HeartbeatSignal
from monitors.services.heartbeats import NOTE_LIMIT_BYTES, HeartbeatUnknownError, take_heartbeat

Kind = HeartbeatSignal.Kind


@csrf_exempt
@login_not_required
@never_cache
@require_http_methods(["GET", "HEAD", "POST"])
def heartbeat(request: HttpRequest, key: str, signal: str = "finish") -> HttpResponse:
    """`…/start`, `…/finish` (or nothing), `…/fail`; `?exit=N` with N other than 0 is a failure. 404, 503 or `OK`."""
    exit_code = exit_code_of(request.GET.get("exit", ""))
    kind = Kind.FAIL if exit_code and signal == "finish" else Kind(signal)
    # Not `request.body`, which refuses what is large: the beginning of a long log is better than nothing.
    note = request.read(NOTE_LIMIT_BYTES) if request.method == "POST" else b""
    try:
        take_heartbeat(key, kind, exit_code, note)
    except HeartbeatUnknownError:
        return plain("unknown heartbeat address", 404)
    except DatabaseError:
        return plain("not stored, try again", 503, {"Retry-After": "10"})
    return plain("OK", 200)


def exit_code_of(text: str) -> int | None:
    """What is no exit code of a process (0 to 255) is taken as not given."""
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 3 and int(text) <= 255 else None


def plain(line: str, status: int, headers: dict[str, str] | None = None) -> HttpResponse:
    return HttpResponse(f"{line}\n", status=status, content_type="text/plain; charset=utf-8", headers=headers)
