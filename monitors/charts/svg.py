"""Own the writing of SVG: escaped tags, short numbers, paths."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from xml.sax.saxutils import escape, quoteattr

from django.utils.safestring import SafeString, mark_safe

Scale = Callable[[float], float]


def number(value: float) -> str:
    """One decimal is below a pixel, and short paths make small frames."""
    return f"{value:.1f}".removesuffix(".0")


def tag(name: str, *children: str, **attributes: object) -> str:
    """`class_` and `aria_label` become `class` and `aria-label`; attributes of None are left out."""
    written = "".join(
        f" {key.strip('_').replace('_', '-')}={quoteattr(number(value) if isinstance(value, float) else str(value))}"
        for key, value in attributes.items()
        if value is not None
    )
    return f"<{name}{written}>{''.join(children)}</{name}>" if children else f"<{name}{written}/>"


def words(text: str) -> str:
    return escape(text)


def svg(*children: str, **attributes: object) -> SafeString:
    return mark_safe(tag("svg", *children, **attributes))  # noqa: S308 - every part went through `tag`


def line_path(runs: Iterable[list[tuple[float, float]]], x: Scale, y: Scale) -> str:
    """One `M ... L` a run. A run of one point becomes a dot: a line of no length with round caps."""
    return "".join(
        "M" + "L".join(f"{number(x(at))} {number(y(value))}" for at, value in (run if len(run) > 1 else run * 2))
        for run in runs
    )


def area_path(runs: Iterable[list[tuple[float, float]]], x: Scale, y: Scale, floor: float) -> str:
    """Each run closed along the floor."""
    pieces = []
    for run in runs:
        top = "L".join(f"{number(x(at))} {number(y(value))}" for at, value in run)
        pieces.append(f"M{number(x(run[0][0]))} {number(floor)}L{top}L{number(x(run[-1][0]))} {number(floor)}Z")
    return "".join(pieces)
