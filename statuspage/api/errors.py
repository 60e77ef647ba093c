"""Own the shape of what the API refuses: the field and the reason."""

from __future__ import annotations

from dataclasses import dataclass

from ninja import Schema

from statuspage.errors import OperatorError


@dataclass(frozen=True, slots=True)
class Refusal:
    """One thing that was wrong: `field` is its path in what was sent."""

    field: str
    reason: str

    def as_json(self) -> dict[str, str]:
        return {"field": self.field, "reason": self.reason}


class RefusedError(OperatorError):
    """What was sent cannot be taken; nothing of it was stored."""

    def __init__(self, *refusals: Refusal) -> None:
        super().__init__("; ".join(f"{refusal.field}: {refusal.reason}" for refusal in refusals))
        self.refusals = list(refusals)


class RefusalOut(Schema):
    field: str
    reason: str


class Errors(Schema):
    errors: list[RefusalOut]
