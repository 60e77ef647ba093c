"""Own what came back of one HTTP exchange, and how a person reads it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from monitors.certificates import Certificate
from monitors.evidence import capped, printable, redacted
from monitors.options import Secret
from monitors.probes.http.options import HttpOptions

COOKIE = re.compile(r"(?im)^(set-cookie:\s*[^=\n]*=)[^;\n]*")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back. `code` is libcurl's, 0 when an HTTP answer was read whole; times in ms since the start."""

    code: int
    words: str
    status: int
    head: bytes
    body: bytes
    times_ms: tuple[float, float, float, float, float, float]
    http_version: str
    is_tls: bool
    os_errno: int
    verify_code: int
    leaf: Certificate | None

    @property
    def total_ms(self) -> float:
        return self.times_ms[5]

    @property
    def phases_ms(self) -> dict[str, float]:
        """As far as it got: `dns tcp tls processing transfer`."""
        named, connected, encrypted, asked, answered, total = self.times_ms
        phases = {"dns": named}
        if connected:
            phases["tcp"] = round(connected - named, 3)
        if self.is_tls and encrypted:
            phases["tls"] = round(encrypted - connected, 3)
        if self.status:
            phases["processing"] = round(answered - asked, 3)
            phases["transfer"] = round(total - answered, 3)
        return phases

    def headers(self) -> dict[str, str]:
        """Lower-case names of the last answer's head; of repeated headers the values joined (RFC 9110 5.2)."""
        found: dict[str, str] = {}
        last = self.head.rstrip(b"\r\n").rpartition(b"\r\n\r\n")[2]
        for line in last.decode("utf-8", "replace").split("\r\n")[1:]:
            name, _, value = line.partition(":")
            key = name.strip().lower()
            found[key] = f"{found[key]}, {value.strip()}" if key in found else value.strip()
        return found


def request_in_words(options: HttpOptions) -> str:
    via = f" by way of {options.connect_to}" if options.connect_to else ""
    names = [name if isinstance(value, Secret) else f"{name}: {value}" for name, value in options.headers.items()]
    names += ["Authorization: Bearer [redacted]"] if options.bearer else []
    names += [f"Authorization: Basic [redacted], user {options.basic.user}"] if options.basic else []
    return "".join(f"{line}\n" for line in (f"{options.method} {options.url}{via}", *names))


def transcript(said: str, answer: Answer, left: int, secrets: tuple[str, ...]) -> str:
    """An exchange as a person reads it, without credentials and cookies."""
    leaf = f"* {answer.leaf.text()}\n" if answer.leaf else ""
    remark = f"* {answer.words}\n" if answer.code else ""
    head = COOKIE.sub(r"\1[redacted]", printable(answer.head))
    cut = f"\n[cut here: {left} more bytes]" if left > 0 else ""
    return capped(redacted(f"{said}{leaf}{remark}\n{head}{printable(answer.body)}{cut}", secrets))
