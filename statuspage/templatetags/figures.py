"""Own how figures are written into pages."""

from __future__ import annotations

from django import template

from monitors import wording

register = template.Library()
register.filter("count", wording.count)
register.filter("rate", wording.rate)
