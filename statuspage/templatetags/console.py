"""Own the small marks of the console shell: navigation links, the theme switch, the role in words."""

from __future__ import annotations

from typing import Any

from django import template
from django.urls import NoReverseMatch, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

register = template.Library()


@register.simple_tag(takes_context=True)
def rail_link(context: dict[str, Any], view_name: str, text: str) -> SafeString | str:
    """A list item with a link, marked as current under its own address; nothing where the page does not exist."""
    try:
        address = reverse(view_name)
    except NoReverseMatch:
        return ""
    is_home = address == "/console/"
    path = context["request"].path if "request" in context else ""
    is_current = path == address if is_home else path.startswith(address)
    mark = SafeString(' aria-current="page"') if is_current else ""
    return format_html('<li><a href="{}"{}>{}</a></li>', address, mark, text)


@register.simple_tag(takes_context=True)
def theme_button(context: dict[str, Any], theme: str, text: str) -> SafeString:
    chosen = context["request"].COOKIES.get("theme", "")
    pressed = "true" if theme == chosen else "false"
    return format_html('<button name="theme" value="{}" aria-pressed="{}">{}</button>', theme, pressed, text)


@register.inclusion_tag("statuspage/_cell.html")
def monitor_cell(cell: Any) -> dict[str, Any]:
    """One monitor as a small cell, leading to its page."""
    return {"cell": cell, "address": monitor_address(cell.slug)}


@register.simple_tag
def monitor_link(slug: str, text: str) -> SafeString:
    return format_html('<a href="{}">{}</a>', monitor_address(slug), text)


def monitor_address(slug: str) -> str:
    return reverse("monitors:monitor-detail", args=[slug])
