"""Own the marks of the monitor list: sort links, and the one line that is drawn a thousand times."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from html import escape
from typing import Any
from urllib.parse import quote

from django import template
from django.urls import reverse
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString

from monitors.selectors.monitors import MonitorFilter, MonitorRow, shown_as
from monitors.wording import milliseconds

register = template.Library()

WORD_BY_STATE = {"up": "Up", "degraded": "Degraded", "down": "Down", "unknown": "Unknown", "paused": "Paused"}


@register.simple_tag
def monitor_lines(rows: Sequence[MonitorRow]) -> SafeString:
    """The rows of the list. In Python, because a thousand rows as a template take several times as long."""
    base = reverse("monitors:monitor-list")
    return SafeString("".join(monitor_line(row, base) for row in rows))


def monitor_line(row: MonitorRow, base: str) -> str:
    state = shown_as(row)
    shape = "unknown" if row.is_paused else state
    sentence = "" if state == "up" else row.sentence
    return (
        f'<tr><td><span class="state {shape}"><svg aria-hidden="true"><use href="#s-{shape}"/></svg>'
        f'{WORD_BY_STATE[state]}</span></td><th scope="row"><a id="m-{escape(row.slug)}"'
        f' href="{base}{quote(row.slug, safe="")}/">{escape(row.name)}</a>{notes(row)}'
        f'<span class="sentence">{escape(sentence)}</span></th><td>{escape(row.kind)}</td>'
        f'<td>{escape(row.component)}</td><td class="number">{milliseconds(row.latency_ms)}</td>'
        f"<td>{instant(row.last_at, 'ago')}</td><td>{instant(row.since, 'for')}</td></tr>"
    )


def notes(row: MonitorRow) -> str:
    said = (row.place, "flapping" if row.is_flapping else "", "muted" if row.is_muted else "")
    return "".join(f'<span class="note">{escape(word)}</span>' for word in said if word)


def instant(at: datetime | None, show: str) -> str:
    if at is None:
        return "never"
    at = at.astimezone(UTC)
    return f'<time datetime="{at.isoformat()}" data-show="{show}">{at:%H:%M:%S} UTC</time>'


@register.simple_tag(takes_context=True)
def sort_link(context: dict[str, Any], wanted: MonitorFilter, column: str, text: str) -> SafeString:
    """A link that sorts by the column, and the other way round when it is sorted by it already."""
    query = context["request"].GET.copy()
    is_turned = wanted.sort == column and not wanted.is_descending
    query["sort"] = f"-{column}" if is_turned else column
    return format_html('<a href="?{}">{}</a>', query.urlencode(), text)


@register.simple_tag
def sorted_by(wanted: MonitorFilter, column: str) -> SafeString | str:
    if wanted.sort != column:
        return ""
    return format_html(' aria-sort="{}"', "descending" if wanted.is_descending else "ascending")


SHAPE_BY_RESULT = {"ok": "up", "warn": "degraded", "fail": "down"}
MARK = SafeString('<span class="state {shape}"><svg aria-hidden="true"><use href="#s-{shape}"/></svg>{result}</span>')


@register.simple_tag
def result_mark(result: str) -> SafeString:
    """A result as word, shape and colour."""
    return format_html(MARK, shape=SHAPE_BY_RESULT.get(result, "unknown"), result=result or "unknown")


@register.filter
def latency(value: float | None) -> str:
    return str(conditional_escape(milliseconds(value)))
