"""Own the types of what is sent to the API: text, counts and times that the database can hold."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import AfterValidator, AwareDatetime, Field, PlainSerializer, StringConstraints

DETAIL_BYTES = 16_384
BIGGEST = 2**60
"""What is computed from four of them still fits into 64 bits."""
BIGGEST_SMALL = 2**31 - 1
CHANGES_KEPT = timedelta(days=3_660)
CHANGES_AHEAD = timedelta(days=366)


def printable(text: str) -> str:
    if any(ord(character) < 32 and character not in "\n\t" for character in text):
        raise ValueError("must not contain control characters")
    return text


def plausible(at: datetime) -> datetime:
    """In UTC: PostgreSQL knows no zone beyond 16 hours, and reads back no year before the first."""
    now = datetime.now(UTC)
    if not now - CHANGES_KEPT <= at <= now + CHANGES_AHEAD:
        raise ValueError("must lie within the last ten years and the next one")
    return at.astimezone(UTC)


def storable(detail: dict[str, Any]) -> dict[str, Any]:
    """JSON as the database holds it: no NaN, no NUL, no half characters, not too long."""
    try:
        written = json.dumps(detail, allow_nan=False, ensure_ascii=False)
        size = len(written.encode())
    except (ValueError, RecursionError) as error:
        raise ValueError("must be plain JSON: no NaN, no infinity, valid characters") from error
    if "\\u0000" in written:
        raise ValueError("must not contain NUL characters")
    if size > DETAIL_BYTES:
        raise ValueError(f"must not be longer than {DETAIL_BYTES} bytes of JSON")
    return detail


Count = Annotated[int, Field(ge=0, le=BIGGEST)]
SmallCount = Annotated[int, Field(ge=0, le=BIGGEST_SMALL)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=300), AfterValidator(printable)]
Short = Annotated[str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(printable)]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_\-]{1,40}$")]
WebLink = Annotated[str, StringConstraints(max_length=500, pattern=r"^https?://[!-~]+$")]
Slug = Annotated[str, StringConstraints(max_length=253, pattern=r"^[!-~]+$")]
Instant = Annotated[AwareDatetime, AfterValidator(plausible)]
Written = Annotated[datetime, PlainSerializer(lambda at: at.isoformat(), return_type=str)]
Detail = Annotated[dict[str, Any], AfterValidator(storable)]
