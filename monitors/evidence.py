"""Own what is kept of a conversation: readable, storable, free of credentials, of bounded size."""

from __future__ import annotations

import base64
import html
import json
import re
from collections.abc import Callable, Iterable, Iterator
from time import perf_counter
from urllib.parse import quote, quote_plus

from monitors.results import EVIDENCE_LIMIT_BYTES

# Postgres text cannot hold NUL, and nobody's terminal must obey a hostile server: C0 but tab and newline, DEL, C1,
# lone surrogates, and the marks that reorder text.
UNPRINTABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u202a-\u202e\u2066-\u2069]")
REDACTED = "[redacted]"
ELLIPSIS = "…"
BASE64_SHARED = (0, 2, 3)
"""Characters at the beginning that depend on what stands before: none, one, or two bytes of a group of three."""
BASE64_CORE_MIN = 8
CUT_OFF_MIN = 4
URL_SAFE = bytes.maketrans(b"+/", b"-_")
CUT = "\n[cut here: {left} more bytes]"


def _escaped(match: re.Match[str]) -> str:
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def printable(raw: bytes | str) -> str:
    """The bytes as text: UTF-8 where it is that, everything else as escapes; CRLF as newline."""
    text = raw.decode("utf-8", "backslashreplace") if isinstance(raw, bytes) else raw
    return UNPRINTABLE.sub(_escaped, text.replace("\r\n", "\n"))


def excerpt(raw: bytes | str, limit: int = 160) -> str:
    """One line of at most `limit` characters, for use inside a sentence."""
    text = " ".join(printable(raw[: limit * 4]).split())
    return text if len(text) <= limit else text[: limit - 1] + ELLIPSIS


def redacted(text: str, secrets: Iterable[str]) -> str:
    """The text without the secrets, in all forms in which they go over a wire: longest first.

    A part of a word goes as well as a word: better a host name that cannot be read than a password that can.
    """
    forms = {form for secret in secrets if secret for form in forms_of(secret)}
    for form in sorted(forms, key=len, reverse=True):
        text = text.replace(form, REDACTED)
        if ELLIPSIS in text:
            text = without_cut_off(text, form)
    return text


def forms_of(secret: str) -> Iterator[str]:
    """Plain, as a URL or a form writes it (RFC 3986, WHATWG), as JSON and HTML quote it, and base64 (RFC 4648),
    also as a part of something."""
    raw = secret.encode("utf-8", "surrogatepass")
    yield secret
    yield base64.b64encode(raw).decode()
    yield quote(raw, safe="")
    yield quote_plus(raw)
    yield html.escape(secret)
    for quoted in (json.dumps(secret)[1:-1], json.dumps(secret, ensure_ascii=False)[1:-1]):
        yield quoted
        yield quoted.replace("/", "\\/")
    for before in range(3):
        encoded = base64.b64encode(b"\0" * before + raw)
        # Characters that neighbours share in are left out; what is too short would be found everywhere.
        core = encoded[BASE64_SHARED[before] : (before + len(raw)) * 8 // 6]
        if len(core) >= BASE64_CORE_MIN:
            yield core.decode()
            yield core.translate(URL_SAFE).decode()


def without_cut_off(text: str, form: str) -> str:
    """An excerpt may end in the middle of a secret: its beginning goes as well."""
    for length in range(len(form) - 1, CUT_OFF_MIN - 1, -1):
        text = text.replace(form[:length] + ELLIPSIS, REDACTED + ELLIPSIS)
    return text


def capped(text: str, limit: int = EVIDENCE_LIMIT_BYTES) -> str:
    """The text, cut so that its UTF-8 form fits `limit` bytes and says how much is missing."""
    if len(text) * 4 <= limit:
        return text
    raw = text.encode("utf-8", "backslashreplace")
    if len(raw) <= limit:
        return text
    room = limit - len(CUT) - 20
    return raw[:room].decode("utf-8", "ignore") + CUT.format(left=len(raw) - room)


Words = bytes | str | Callable[[], str]
"""What was said, or what makes the text of it: rendering waits until somebody reads."""


class Transcript:
    """What was said, in order: `>` ours, `<` theirs, `*` remarks, each with milliseconds since the start."""

    __slots__ = ("_lines", "_room", "_started")

    def __init__(self) -> None:
        self._lines: list[tuple[float, str, Words]] = []
        self._room = EVIDENCE_LIMIT_BYTES
        self._started = perf_counter()

    def sent(self, said: Words) -> None:
        self._add(">", said)

    def heard(self, said: Words) -> None:
        self._add("<", said)

    def remark(self, said: str) -> None:
        self._add("*", said)

    def _add(self, mark: str, said: Words) -> None:
        if self._room <= 0 or not said:
            return
        if not callable(said):
            self._room -= len(said) + 12
            said = said[:EVIDENCE_LIMIT_BYTES]
        self._lines.append((perf_counter(), mark, said))

    def text(self, secrets: Iterable[str] = ()) -> str:
        said = "\n".join([self._shown(at, mark, raw) for at, mark, raw in self._lines])
        return capped(redacted(UNPRINTABLE.sub(_escaped, said), secrets))

    def _shown(self, at: float, mark: str, said: Words) -> str:
        raw = said() if callable(said) else said
        text = raw.decode("utf-8", "backslashreplace") if isinstance(raw, bytes) else raw
        text = text.rstrip().replace("\r\n", "\n")
        if "\n" in text:
            text = text.replace("\n", f"\n         {mark} ")
        return f"{(at - self._started) * 1000:8.1f} {mark} {text}"
