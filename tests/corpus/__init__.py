"""Own the corpus of zones: what is published, and what the RFCs make of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from monitors.mail_dns.facts import Certificates, Policy

DOMAIN = "acme.example"


@dataclass(frozen=True, slots=True)
class Case:
    """A zone and the verdict on one record of it: result, reason of the deciding note, and the rule that it cites."""

    id: str
    verdict: str
    rule: str
    zone: str
    options: dict[str, Any] = field(default_factory=dict)
    also: tuple[str, ...] = ()
    servers: dict[str, str] = field(default_factory=dict)
    policies: dict[str, Policy] = field(default_factory=dict)
    certificates: dict[str, Certificates] = field(default_factory=dict)
    validating: bool = False
    judged: int = 0
    """Which of the judgements on the record is meant, where there are several."""
