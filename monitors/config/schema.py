"""Own the JSON schema of `standpipe.yaml`, for editors that complete and check while one types."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from monitors.config.entries import ComponentEntry, DomainEntry, MonitorEntry, PlatformEntry, QueueEntry
from monitors.config.reading import KINDS_OF_THEIR_OWN_SECTION
from monitors.probes import KINDS

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def json_schema() -> dict[str, Any]:
    """The schema of the whole file: one branch for each kind, so that unknown keys are marked as one types."""
    definitions: dict[str, Any] = {}
    kinds = {name: kind.options for name, kind in KINDS.items()}
    own = {name: kinds.pop(name) for name in KINDS_OF_THEIR_OWN_SECTION if name in kinds}
    monitors = [entry_schema(MonitorEntry, options, name, definitions) for name, options in sorted(kinds.items())]
    sections = {
        "platform": model_schema(PlatformEntry, definitions),
        "components": listed(model_schema(ComponentEntry, definitions)),
        "monitors": listed({"oneOf": monitors} if monitors else {}),
        "domains": listed(entry_schema(DomainEntry, own["domain"], None, definitions) if "domain" in own else {}),
        "queues": listed(queue_schema(own["queue"], definitions) if "queue" in own else {}),
    }
    return {
        "$schema": DIALECT,
        "title": "Standpipe configuration",
        "type": "object",
        "additionalProperties": False,
        "properties": sections,
        "$defs": definitions,
    }


def listed(item: dict[str, Any]) -> dict[str, Any]:
    return {"type": ["array", "null"], "items": item}


def model_schema(model: type[BaseModel], definitions: dict[str, Any]) -> dict[str, Any]:
    schema = model.model_json_schema(by_alias=True, ref_template="#/$defs/{model}", mode="validation")
    definitions.update(schema.pop("$defs", {}))
    return schema


def entry_schema(
    common: type[BaseModel], options: type[BaseModel], kind: str | None, definitions: dict[str, Any]
) -> dict[str, Any]:
    """One entry: the keys that every kind has, and those of this kind, beside each other as in the file."""
    shared, own = model_schema(common, definitions), model_schema(options, definitions)
    properties = own.get("properties", {}) | shared["properties"]
    if kind is not None:
        properties["kind"] = {"const": kind}
    required = {*shared.get("required", []), *own.get("required", [])} & properties.keys()
    return {
        "type": "object",
        "title": kind or common.__name__,
        "additionalProperties": False,
        "properties": properties,
        "required": sorted(required),
    }


def queue_schema(options: type[BaseModel], definitions: dict[str, Any]) -> dict[str, Any]:
    """A queue entry: its sources are branches of one model, told apart by `kind` in the file."""
    shared, own = model_schema(QueueEntry, definitions), model_schema(options, definitions)
    branches = own.get("oneOf") or [own]
    merged = [queue_branch(shared, resolved(branch, definitions)) for branch in branches]
    return {"oneOf": merged}


def resolved(branch: dict[str, Any], definitions: dict[str, Any]) -> dict[str, Any]:
    reference: str | None = branch.get("$ref")
    return branch if reference is None else definitions[reference.rpartition("/")[2]]


def queue_branch(shared: dict[str, Any], own: dict[str, Any]) -> dict[str, Any]:
    properties = own.get("properties", {}) | shared["properties"]
    properties["kind"] = properties.pop("source", properties["kind"])
    required = ({*shared.get("required", []), *own.get("required", []), "kind"} - {"source"}) & properties.keys()
    return {"type": "object", "additionalProperties": False, "properties": properties, "required": sorted(required)}
