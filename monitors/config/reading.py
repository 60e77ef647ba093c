"""Own the step from a parsed file to a wanted configuration: every problem found in one pass."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from monitors.config.document import Document, Path, parse
from monitors.config.entries import SLUG, Common, ComponentEntry, DomainEntry, MonitorEntry, PlatformEntry, QueueEntry
from monitors.config.problems import ConfigInvalidError, Problem
from monitors.probes import KINDS

KINDS_OF_THEIR_OWN_SECTION = {"domain": "domains", "queue": "queues"}
Entry = TypeVar("Entry", bound=Common)
Model = TypeVar("Model", bound=BaseModel)
UNKNOWN_BRANCH = {"union_tag_invalid"}
ONE_OF = {"enum", "literal_error"}
SECTIONS = ("platform", "components", "monitors", "domains", "queues")


@dataclass(frozen=True, slots=True)
class WantedMonitor:
    """One monitored thing as the file wants it: what all kinds share, and the kind's own options as JSON."""

    slug: str
    name: str
    kind: str
    common: Common
    options: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """All that a valid file asks for, in the file's order."""

    platform: PlatformEntry
    components: list[ComponentEntry]
    monitors: list[WantedMonitor]


class Reader:
    """One pass over one document: collects what is wanted, and every problem on the way."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.problems: list[Problem] = []

    def complain(self, path: Path, reason: str) -> None:
        self.problems.append(self.document.problem(path, reason))

    def read(self) -> Wanted:
        """The wanted configuration. Raises ConfigInvalidError with every problem of the file."""
        sections = self.sections()
        platform = self.validated(PlatformEntry, sections.get("platform", {"name": "Mail platform"}), ("platform",))
        components = [
            entry
            for path, value in self.entries(sections, "components")
            if (entry := self.validated(ComponentEntry, value, path)) is not None
        ]
        monitors = [
            wanted
            for section, read in (("monitors", self.monitor), ("domains", self.domain), ("queues", self.queue))
            for path, value in self.entries(sections, section)
            if (wanted := read(value, path)) is not None
        ]
        self.problems += cross_problems(self.document, components, monitors)
        if self.problems or platform is None:
            raise ConfigInvalidError(self.problems)
        return Wanted(platform, components, monitors)

    def sections(self) -> dict[str, Any]:
        value = self.document.value
        if not isinstance(value, dict):
            raise ConfigInvalidError([self.document.problem((), "the file is a mapping of sections")])
        for key in value.keys() - set(SECTIONS):
            self.complain((key,), f"unknown section; there are {', '.join(SECTIONS)}")
        return value

    def entries(self, sections: Mapping[str, Any], section: str) -> Iterator[tuple[Path, dict[str, Any]]]:
        values = sections.get(section) or []
        if not isinstance(values, list):
            self.complain((section,), "this section is a list")
            return
        for index, value in enumerate(values):
            if isinstance(value, dict):
                yield (section, index), value
            else:
                self.complain((section, index), "each entry is a mapping of keys to values")

    def monitor(self, value: dict[str, Any], path: Path) -> WantedMonitor | None:
        kind = value.get("kind")
        if kind in KINDS_OF_THEIR_OWN_SECTION:
            self.complain((*path, "kind"), f"{kind!r} belongs under {KINDS_OF_THEIR_OWN_SECTION[kind]}:")
            return None
        if kind not in KINDS:
            known = sorted(KINDS.keys() - KINDS_OF_THEIR_OWN_SECTION.keys())
            self.complain((*path, "kind"), f"{kind!r} is not a kind; there are {', '.join(known)}")
            return None
        entry, options = self.common_and_options(MonitorEntry, value, path, str(kind), {})
        if entry is None or options is None:
            return None
        return WantedMonitor(entry.slug, entry.name or entry.slug, entry.kind, entry, options)

    def domain(self, value: dict[str, Any], path: Path) -> WantedMonitor | None:
        entry, options = self.common_and_options(DomainEntry, value, path, "domain", {"name": value.get("name")})
        if entry is None or options is None:
            return None
        return WantedMonitor(entry.name, entry.name, "domain", entry, options)

    def queue(self, value: dict[str, Any], path: Path) -> WantedMonitor | None:
        entry, options = self.common_and_options(QueueEntry, value, path, "queue", {"source": value.get("kind")})
        if entry is None or options is None:
            return None
        return WantedMonitor(entry.slug, entry.name or entry.slug, "queue", entry, options)

    def common_and_options(
        self, model: type[Entry], value: dict[str, Any], path: Path, kind: str, extra: dict[str, Any]
    ) -> tuple[Entry | None, dict[str, Any] | None]:
        """Split one entry into the keys that every kind has and those of its kind, and check both."""
        shared = {key: part for key, part in value.items() if key in model.model_fields}
        own = {key: part for key, part in value.items() if key not in model.model_fields} | extra
        entry = self.validated(model, shared, path)
        options = self.validated(KINDS[kind].options, own, path)
        return entry, None if options is None else stored(options)

    def validated(self, model: type[Model], value: Any, path: Path) -> Model | None:
        try:
            return model.model_validate(value)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                # A branch that does not exist is told of the whole; the file says it in one key.
                branch = ("kind",) if detail["type"] in UNKNOWN_BRANCH else ()
                self.complain((*self.place(path, detail["loc"], value), *branch), reason(detail))
            return None

    def place(self, path: Path, location: tuple[int | str, ...], value: Any) -> Path:
        """The path in the file: pydantic's location without the names of union branches."""
        for part in location:
            if stands_in(value, part):
                value = value[part]
            elif part != location[-1]:
                continue
            path = (*path, "kind" if part == "source" else part)
        return path


def stands_in(value: Any, part: int | str) -> bool:
    if isinstance(value, dict):
        return part in value
    return isinstance(value, list) and isinstance(part, int) and part < len(value)


def stored(options: BaseModel) -> dict[str, Any]:
    """Options as they are kept: only what the file says, so that a better default reaches old monitors."""
    dumped: dict[str, Any] = options.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return dumped


def reason(detail: Mapping[str, Any]) -> str:
    """One of pydantic's complaints, in words that need no pydantic."""
    if detail["type"] == "extra_forbidden":
        return "unknown key"
    if detail["type"] == "missing":
        return "is needed"
    if detail["type"] in UNKNOWN_BRANCH:
        expected = detail["ctx"].get("expected_tags", "").replace("'", "")
        return f"{detail['input'].get('source')!r} is not a kind; there are {expected}"
    if detail["type"] in ONE_OF:
        return f"{detail['input']!r} is not one of {detail['ctx']['expected']}"
    if detail["type"] == "string_pattern_mismatch" and detail["ctx"]["pattern"] == SLUG:
        return f"{detail['input']!r} is not made of lower-case letters, digits and hyphens"
    # Without the value: it may be a secret that was written where it should only be named.
    message: str = detail["msg"]
    return message.removeprefix("Value error, ").removeprefix("Input ")


def cross_problems(
    document: Document, components: list[ComponentEntry], monitors: list[WantedMonitor]
) -> Iterator[Problem]:
    """What no single entry can know: names given twice, components that are not there, circles."""
    places = slug_places(document.value)
    for slugs in places.values():
        for slug, paths in slugs.items():
            for path in paths[1:]:
                yield document.problem(path, f"{slug!r} is given twice, first at line {document.line(paths[0])}")
    known = {component.slug for component in components}
    component_paths = places["components"]
    for component in components:
        for index, needed in enumerate(component.depends_on):
            if needed not in known:
                path = (*component_paths[component.slug][0][:-1], "depends_on", index)
                yield document.problem(path, f"there is no component {needed!r}")
    yield from circles(document, components, component_paths)
    for monitor in monitors:
        name = monitor.common.component
        if name is not None and name not in known:
            path = (*places["monitors"][monitor.slug][0][:-1], "component")
            yield document.problem(path, f"there is no component {name!r}")


def slug_places(value: Mapping[str, Any]) -> dict[str, dict[str, list[Path]]]:
    """Where each component slug, and each name of a monitored thing, is written."""
    places: dict[str, dict[str, list[Path]]] = {"components": {}, "monitors": {}}
    named = (("components", "slug"), ("monitors", "slug"), ("domains", "name"), ("queues", "slug"))
    for section, key in named:
        room = places["components" if section == "components" else "monitors"]
        entries = value.get(section)
        for index, entry in enumerate(entries if isinstance(entries, list) else []):
            if isinstance(entry, dict) and isinstance(entry.get(key), str):
                room.setdefault(entry[key], []).append((section, index, key))
    return places


def circles(document: Document, components: list[ComponentEntry], paths: Mapping[str, list[Path]]) -> Iterator[Problem]:
    """The first circle of dependencies, if there is one."""
    try:
        TopologicalSorter({component.slug: component.depends_on for component in components}).prepare()
    except CycleError as error:
        circle = [slug for slug in error.args[1] if slug in paths]
        path = (*paths[circle[0]][0][:-1], "depends_on")
        yield document.problem(path, f"components depend on each other in a circle: {' <- '.join(circle)}")


def read(text: str, file: str) -> Wanted:
    """A configuration file's text as what it wants. Raises ConfigInvalidError with every problem at once."""
    return Reader(parse(text, file)).read()
