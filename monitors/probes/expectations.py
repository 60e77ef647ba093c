"""Own what an answer is expected to be, and the words for where it is not: comparisons of JSON, text and headers."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from monitors.evidence import excerpt
from monitors.options import Strict
from monitors.probes import patterns

Scalar = str | int | float | bool | None


Pattern = Annotated[str, AfterValidator(patterns.checked)]


class Comparison(Strict):
    """Bounds and patterns for one value; all that are given must hold. A missing value fulfils none of them."""

    eq: Scalar = None
    ne: Scalar = None
    lt: float | None = None
    le: float | None = None
    gt: float | None = None
    ge: float | None = None
    any_of: list[Scalar] | None = None
    matches: Pattern | None = None
    length: int | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def compare_with_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("give at least one of eq, ne, lt, le, gt, ge, any_of, matches, length")
        return self


SYMBOLS = {
    "eq": "==",
    "ne": "!=",
    "lt": "<",
    "le": "<=",
    "gt": ">",
    "ge": ">=",
    "any_of": "in",
    "matches": "~",
    "length": "has length",
}


def _same(value: Any, expected: Any) -> bool:
    # True == 1 in Python, but not in JSON.
    return value == expected and isinstance(value, bool) == isinstance(expected, bool)


def _has_length(value: Any, length: int) -> bool:
    return isinstance(value, str | list | dict) and len(value) == length


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


# For bounds, what is not a number fulfils nothing: an unparseable value is not zero.
TESTS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": _same,
    "ne": lambda value, wish: not _same(value, wish),
    "lt": lambda value, wish: _is_number(value) and value < wish,
    "le": lambda value, wish: _is_number(value) and value <= wish,
    "gt": lambda value, wish: _is_number(value) and value > wish,
    "ge": lambda value, wish: _is_number(value) and value >= wish,
    "any_of": lambda value, wish: any(_same(value, one) for one in wish),
    "matches": lambda value, wish: isinstance(value, str) and patterns.search(wish, value) is not None,
    "length": _has_length,
}


def _shown(value: Any) -> str:
    return excerpt(json.dumps(value, ensure_ascii=False), 80)


def mismatch(label: str, value: Any, expected: Scalar | Comparison) -> str | None:
    """`[status] ("degraded") == "ok"` when the value is not as expected, else None."""
    wanted = (
        [("eq", expected)]
        if not isinstance(expected, Comparison)
        else [(name, getattr(expected, name)) for name in SYMBOLS if name in expected.model_fields_set]
    )
    for operator, wish in wanted:
        if not TESTS[operator](value, wish):
            return f"[{label}] ({_shown(value)}) {SYMBOLS[operator]} {_shown(wish)}"
    return None


# JSON paths: `status`, `data.queue.depth`, `data.items[0].name`, `["a key.with dots"]`, `[-1]`

STEP = re.compile(r"""\.?(?:(?P<name>[^.\[\]"]+)|\[(?P<index>-?\d+)\]|\["(?P<key>[^"]+)"\])""")


@lru_cache(maxsize=4096)
def steps(path: str) -> tuple[str | int, ...]:
    """Raises ValueError for what is not a path."""
    return tuple(_parsed_steps(path.removeprefix("$").removeprefix(".") if path.startswith("$") else path))


def _parsed_steps(path: str) -> Iterator[str | int]:
    at = 0
    while at < len(path):
        found = STEP.match(path, at)
        if found is None or (at == 0 and path[0] == "."):
            raise ValueError(f'{path!r} is not a JSON path; write it as status, data.items[0].name or ["odd.key"]')
        yield int(found["index"]) if found["index"] else found["name"] or found["key"]
        at = found.end()


def _checked_path(path: str) -> str:
    if not steps(path):
        raise ValueError("an empty JSON path")
    return path


JsonPath = Annotated[str, AfterValidator(_checked_path)]


class FieldAbsentError(LookupError):
    """The answer has no field `{path}`."""


def resolve(document: Any, path: str) -> Any:
    """The value at the path. Raises FieldAbsentError: what is missing has no value, least of all zero."""
    for step in steps(path):
        try:
            if isinstance(step, int) != isinstance(document, list):
                raise FieldAbsentError(path)
            document = document[step]
        except (KeyError, IndexError, TypeError) as error:
            raise FieldAbsentError(path) from error
    return document


Failure = tuple[str, str]
"""Reason code and sentence."""


def json_failure(body: bytes, expected: Mapping[str, Scalar | Comparison]) -> Failure | None:
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        return (
            "json_invalid",
            f"the answer is not JSON: {excerpt(str(error))}; it begins with {excerpt(body, 60) or 'nothing'}",
        )
    for path, wish in expected.items():
        try:
            failure = mismatch(path, resolve(document, path), wish)
        except FieldAbsentError:
            return "field_absent", f"[{path}] (absent) {_wish_in_words(wish)}: the answer has no such field"
        if failure:
            return "json_mismatch", failure
    return None


def _wish_in_words(wish: Scalar | Comparison) -> str:
    if not isinstance(wish, Comparison):
        return f"== {_shown(wish)}"
    name = next(name for name in SYMBOLS if name in wish.model_fields_set)
    return f"{SYMBOLS[name]} {_shown(getattr(wish, name))}"


def text_failure(body: bytes, text: str | None, absent_text: str | None, pattern: str | None) -> Failure | None:
    if text is None and absent_text is None and pattern is None:
        return None
    said = body.decode("utf-8", "replace")
    if text is not None and text not in said:
        return "text_absent", f"the answer does not contain {_shown(text)}; it begins with {_shown(said[:60])}"
    if absent_text is not None and absent_text in said:
        return "text_present", f"the answer contains {_shown(absent_text)}, which it must not"
    if pattern is not None and patterns.search(pattern, said) is None:
        return "pattern_unmatched", f"the answer does not match {_shown(pattern)}; it begins with {_shown(said[:60])}"
    return None


def header_failure(headers: Mapping[str, str], expected: Mapping[str, str | Comparison | None]) -> Failure | None:
    """`headers` have lower-case names. An expected None means that the header must not be there."""
    for name, wish in expected.items():
        value = headers.get(name.lower())
        if wish is None:
            if value is not None:
                return "header_present", f"header {name} is there, which it must not: {_shown(value)}"
        elif value is None:
            return "header_absent", f"the answer has no header {name}"
        elif failure := mismatch(name, value, wish):
            return "header_mismatch", f"header {failure}"
    return None
