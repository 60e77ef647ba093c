"""Own the export of lists: rows of frozen dataclasses as CSV or JSON, with the same columns in both."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from dataclasses import asdict
from datetime import datetime
from typing import Any

from django.http import Http404, HttpResponse, JsonResponse

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def exported(rows: Iterable[Any], name: str, form: str) -> HttpResponse:
    """`form` is csv or json; the file is named after `name`."""
    if form not in {"csv", "json"}:
        raise Http404(f"{name} are exported as csv and json, not as {form}")
    records = [asdict(row) for row in rows]
    if form == "json":
        return JsonResponse({name: records}, headers={"Content-Disposition": f'inline; filename="{name}.json"'})
    response = HttpResponse(as_csv(records), content_type="text/csv; charset=utf-8")
    response.headers["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


def as_csv(records: list[dict[str, Any]]) -> str:
    out = io.StringIO()
    if records:
        writer = csv.DictWriter(out, records[0].keys())
        writer.writeheader()
        writer.writerows({key: cell(value) for key, value in record.items()} for record in records)
    return out.getvalue()


def cell(value: Any) -> Any:
    """A spreadsheet runs text that starts like a formula, and a banner may be hostile: such text is quoted."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, str) and value.startswith(FORMULA_STARTS):
        return f"'{value}"
    return value
