"""Own the marks of the monitor list: sort links, and the one line that is drawn a thousand times."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from django import template
from django.urls import reverse
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString

from monitors.selectors.monitors import MonitorFilter, MonitorRow, shown_as
from monitors.wording import milliseconds

register = template.Library()

WORD_BY_STATE = {"up": "Up", "degraded": "Degraded", "down": "Down", "unknown": "Unknown", "paused": "Paused"}
LINE = SafeString(
    '<tr><td><span class="state {shape}"><svg aria-hidden="true"><use href="#s-{shape}"/></svg>{word}</span></td>'
    '<th scope="row" class="name"><a id="m-{slug}" href="{address}">{name}</a>{notes}'
    '<span class="sentence">{sentence}</span></th>'
    '<td>{kind}</td><td>{component}</td><td class="number">{latency}</td><td>{checked}</td><td>{since}</td></tr>'
)
NOTE = SafeString('<span class="note">{}</span>')
TIME = SafeString('<time datetime="{}" data-show="{}">{}</time>')


@register.simple_tag
def monitor_line(row: MonitorRow) -> SafeString:
    """One row. In Python, because a thousand rows as a template take four times as long."""
    state = shown_as(row)
    return format_html(
        LINE,
        shape="unknown" if row.is_paused else state,
        word=WORD_BY_STATE[state],
        slug=row.slug,
        address=address(row.slug),
        name=row.name,
        notes=notes(row),
        sentence="" if state == "up" else row.sentence,
        kind=row.kind,
        component=row.component,
        latency=milliseconds(row.latency_ms),
        checked=instant(row.last_at, "ago"),
        since=instant(row.since, "for"),
    )


def address(slug: str) -> str:
    return reverse("monitors:monitor-detail", args=[slug])


def notes(row: MonitorRow) -> SafeString:
    said = [row.place]
    said += [word for is_so, word in ((row.is_flapping, "flapping"), (row.is_muted, "muted")) if is_so]
    return SafeString("".join(format_html(NOTE, word) for word in said if word))


def instant(at: datetime | None, show: str) -> SafeString | str:
    if at is None:
        return "never"
    return format_html(TIME, at.astimezone(UTC).isoformat(), show, f"{at.astimezone(UTC):%H:%M:%S} UTC")


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
