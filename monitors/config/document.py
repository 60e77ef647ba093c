"""Own the YAML text: parsed safely, with the line of every value, refusing what a file should not hold."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import yaml

from monitors.config.problems import ConfigInvalidError, Problem

SIZE_LIMIT_BYTES = 4 * 1024 * 1024
"""About 20,000 monitors; a larger file is a mistake or an attack."""

Path = tuple[str | int, ...]


@dataclass(frozen=True, slots=True)
class Document:
    """A parsed file: plain values, and the 1-based line of each path."""

    file: str
    value: Any
    line_by_path: dict[Path, int]

    def line(self, path: Path) -> int:
        """The line of `path`, or of the nearest part above it that stands in the file."""
        while path and path not in self.line_by_path:
            path = path[:-1]
        return self.line_by_path.get(path, 1)

    def problem(self, path: Path, reason: str) -> Problem:
        return Problem(self.file, self.line(path), written(path), reason)


def written(path: Path) -> str:
    """`("monitors", 3, "every")` as `monitors[3].every`; the empty path as `.`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".") or "."


def parse(text: str, file: str) -> Document:
    """Read one YAML document. Raises ConfigInvalidError: too large, not YAML, an alias, a key given twice."""
    if len(text.encode()) > SIZE_LIMIT_BYTES:
        raise ConfigInvalidError([Problem(file, 1, ".", f"larger than {SIZE_LIMIT_BYTES // 1024**2} MB")])
    try:
        refuse_aliases(text, file)
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigInvalidError([Problem(file, line, ".", f"not YAML: {error.problem}")]) from error
    except (yaml.YAMLError, RecursionError) as error:
        raise ConfigInvalidError([Problem(file, 1, ".", f"not YAML: {error}")]) from error
    document = Document(file, None, {})
    problems: list[Problem] = []
    value = build(node, (), document, problems) if node is not None else {}
    if problems:
        raise ConfigInvalidError(problems)
    return Document(file, value, document.line_by_path)


def refuse_aliases(text: str, file: str) -> None:
    # A few nested aliases unfold into gigabytes; nobody needs them in a file that lists things once.
    for event in yaml.parse(text, Loader=yaml.SafeLoader):
        if isinstance(event, yaml.AliasEvent):
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise ConfigInvalidError([Problem(file, line, ".", f"aliases are not read here: *{event.anchor}")])


def build(node: yaml.Node, path: Path, document: Document, problems: list[Problem]) -> Any:
    document.line_by_path[path] = node.start_mark.line + 1
    if isinstance(node, yaml.MappingNode):
        return build_mapping(node, path, document, problems)
    if isinstance(node, yaml.SequenceNode):
        return [build(item, (*path, index), document, problems) for index, item in enumerate(node.value)]
    try:
        return storable(yaml.SafeLoader("").construct_object(node))
    except (yaml.YAMLError, ValueError, ArithmeticError, LookupError, AttributeError, TypeError) as error:
        # Under a tag of its own (`!!timestamp x`) a value fails in the parser's own ways.
        problems.append(document.problem(path, f"cannot be read: {error}"))
        return None


def storable(value: Any) -> Any:
    """The value, if PostgreSQL holds it in text and JSON. Raises ValueError."""
    if isinstance(value, str) and "\0" in value:
        raise ValueError("text with a NUL character")
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("a number that is not finite")
    return value


def build_mapping(node: yaml.MappingNode, path: Path, document: Document, problems: list[Problem]) -> dict[str, Any]:
    built: dict[str, Any] = {}
    for key_node, value_node in node.value:
        key = str(key_node.value)
        here = (*path, key)
        if key in built:
            document.line_by_path[here] = key_node.start_mark.line + 1
            problems.append(document.problem(here, "given twice"))
            continue
        built[key] = build(value_node, here, document, problems)
        document.line_by_path[here] = key_node.start_mark.line + 1
    return built
