"""Own how instants and durations are written into pages: UTC in the markup, words for lengths of time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from monitors.wording import in_words

register = template.Library()


@register.simple_tag
def moment(at: datetime | None, show: str = "moment") -> SafeString | str:
    """A <time> element in UTC, localised by times.js. `show`: moment, clock, day, ago, due, or for (its age)."""
    if at is None:
        return "never"
    at = at.astimezone(UTC)
    text = at.strftime("%H:%M:%S UTC" if show == "clock" else "%d %b %Y" if show == "day" else "%d %b %Y %H:%M:%S UTC")
    return format_html('<time datetime="{}" data-show="{}">{}</time>', at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"), show, text)


@register.filter
def duration(value: timedelta | float | None) -> str:
    """`4 h 2 min`; a number is seconds; an en dash where nothing is known."""
    if value is None:
        return "\N{EN DASH}"
    return in_words(value.total_seconds() if isinstance(value, timedelta) else value)
