"""Own the page that describes the API to people, made from the same description that programs read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from statuspage.api import api


@dataclass(frozen=True, slots=True)
class Field:
    name: str
    kind: str
    is_required: bool
    says: str


@dataclass(frozen=True, slots=True)
class Operation:
    method: str
    path: str
    anchor: str
    summary: str
    says: str
    fields: list[Field]
    answers: list[tuple[str, str]]


@login_not_required
def api_docs(request: HttpRequest) -> HttpResponse:
    schema = api.get_openapi_schema()
    return render(request, "statuspage/api_docs.html", {"about": schema["info"], "operations": operations(schema)})


def operations(schema: dict[str, Any]) -> list[Operation]:
    return [
        Operation(
            method=method.upper(),
            path=path,
            anchor=told["operationId"],
            summary=told.get("summary", ""),
            says=told.get("description", ""),
            fields=list(body_fields(told, schema)),
            answers=[(str(code), answer.get("description", "")) for code, answer in told["responses"].items()],
        )
        for path, methods in schema["paths"].items()
        for method, told in methods.items()
    ]


def body_fields(told: dict[str, Any], schema: dict[str, Any]) -> list[Field]:
    content = told.get("requestBody", {}).get("content", {})
    return [field for body in content.values() for field in fields(body["schema"], schema, "")]


def fields(shape: dict[str, Any], schema: dict[str, Any], before: str) -> list[Field]:
    """The fields of an object, those of objects inside it written as `samples[].depth`."""
    shape = resolved(shape, schema)
    found = []
    for name, part in shape.get("properties", {}).items():
        alternatives = [kind for kind in part.get("anyOf", [part]) if kind.get("type") != "null"]
        inner = resolved(alternatives[0], schema) if alternatives else part
        is_list = inner.get("type") == "array"
        item = resolved(inner["items"], schema) if is_list else inner
        full = f"{before}{name}{'[]' if is_list else ''}"
        kind = item.get("format") or item.get("type") or "anything"
        found.append(Field(full, kind, name in shape.get("required", []), part.get("description", "")))
        found += fields(item, schema, f"{full}.") if "properties" in item else []
    return found


def resolved(shape: dict[str, Any], schema: dict[str, Any]) -> dict[str, Any]:
    name = shape.get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = schema["components"]["schemas"][name] if name else shape
    return found
