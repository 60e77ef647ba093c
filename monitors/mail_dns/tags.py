"""Own the reading of `tag=value; tag=value` records: DKIM, DMARC, TLS-RPT, MTA-STS, BIMI (RFC 6376 section 3.2)."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TagList:
    """Tags in their order of appearance; names in lower case, values stripped. `stray` holds what is no tag."""

    pairs: tuple[tuple[str, str], ...]
    stray: tuple[str, ...]

    @property
    def first(self) -> tuple[str, str] | None:
        return self.pairs[0] if self.pairs else None

    @property
    def repeated(self) -> tuple[str, ...]:
        times = Counter(name for name, _ in self.pairs)
        return tuple(sorted(name for name, count in times.items() if count > 1))

    def get(self, name: str) -> str | None:
        """The value of the first tag of that name."""
        return next((value for tag, value in self.pairs if tag == name), None)


def parse_tags(text: str) -> TagList:
    pairs: list[tuple[str, str]] = []
    stray: list[str] = []
    for part in filter(None, (part.strip() for part in text.split(";"))):
        name, equals, value = part.partition("=")
        name = name.strip().lower()
        if equals and name.isidentifier() and name.isascii():
            pairs.append((name, value.strip()))
        else:
            stray.append(part)
    return TagList(tuple(pairs), tuple(stray))
