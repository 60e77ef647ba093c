"""Own the options of the `http` kind and their refusals."""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from monitors.addresses import HOST_NAME, Address, IpVersion, host_and_port, is_ip
from monitors.options import Duration, Secret, Strict
from monitors.probes.expectations import Comparison, JsonPath, Pattern, Scalar
from monitors.probes.trust import TlsOptions

DEFAULT_PORTS = {"http": 80, "https": 443}
HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110 5.1, token
STATUS_RANGE = re.compile(r"(\d{3})\s*-\s*(\d{3})|([1-5])xx")


def _checked_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        raise ValueError(f"{url!r} is not an address; write it as https://host/path or http://host:port/path")
    if parts.username is not None or parts.password is not None:
        raise ValueError("credentials do not belong in the URL; use basic: {user: ..., password: {env: NAME}}")
    if not is_ip(parts.hostname) and not HOST_NAME.fullmatch(parts.hostname):
        raise ValueError(f"{url!r} has no valid host")
    if any(ord(character) <= 32 for character in url):
        raise ValueError(f"{url!r} has a space or control character in it; write it as %20")
    parts.port  # noqa: B018 - raises ValueError by itself when it is out of range
    return url


Url = Annotated[str, AfterValidator(_checked_url)]


def _as_statuses(value: object) -> object:
    """`200`, `2xx`, `200-299` or a list of them, spread into a set of codes."""
    found: set[int] = set()
    for one in value if isinstance(value, list | set | frozenset | tuple) else [value]:
        text = str(one)
        span = STATUS_RANGE.fullmatch(text)
        if span and span[3]:
            found |= set(range(int(span[3]) * 100, int(span[3]) * 100 + 100))
        elif span:
            found |= set(range(int(span[1]), int(span[2]) + 1))
        elif text.isdigit() and 100 <= int(text) <= 599:
            found.add(int(text))
        else:
            raise ValueError(f"{one!r} is not a status; write 200, 2xx or 200-299")
    return found


Statuses = Annotated[frozenset[int], BeforeValidator(_as_statuses, json_schema_input_type=list[int | str] | int | str)]


def _checked_headers(headers: dict[str, Any]) -> dict[str, Any]:
    for name, value in headers.items():
        if not HEADER_NAME.fullmatch(name):
            raise ValueError(f"{name!r} is not a header name")
        if isinstance(value, str) and ("\r" in value or "\n" in value):
            raise ValueError(f"header {name} has a line break in its value")
    return headers


class Expect(Strict):
    """What the answer must be like. All that is given must hold; `under` only warns."""

    status: Statuses = frozenset(range(200, 300))
    json_fields: dict[JsonPath, Scalar | Comparison] = Field(default_factory=dict, alias="json")
    headers: dict[str, str | Comparison | None] = Field(default_factory=dict)
    body: str | None = None
    body_absent: str | None = None
    matches: Pattern | None = None
    under: Duration | None = None
    http_version: Literal["1.1", "2"] | None = None


class Basic(Strict):
    user: str
    password: Secret


class HttpOptions(TlsOptions):
    """`connect_to` reaches one instance by its address, under the service's own name (Host, SNI, certificate)."""

    url: Url
    connect_to: Address | None = None
    method: Literal["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"] = "GET"
    headers: Annotated[dict[str, str | Secret], AfterValidator(_checked_headers)] = Field(default_factory=dict)
    body: str | None = None
    basic: Basic | None = None
    bearer: Secret | None = None
    follow_redirects: bool = False
    ip_version: IpVersion | None = None
    http_version: Literal["1.1", "2"] = "1.1"
    proxy: Annotated[str, AfterValidator(_checked_url)] | None = None
    body_limit_bytes: int = Field(default=1024 * 1024, ge=0, le=16 * 1024 * 1024)
    is_connection_reused: bool = Field(default=False, alias="reuse_connection")
    expect: Expect = Expect()

    @model_validator(mode="after")
    def agree_with_itself(self) -> Self:
        if self.basic and self.bearer:
            raise ValueError("give basic or bearer, not both")
        if self.server_name:
            raise ValueError(
                "the server name is the host of url; reach another address under that name with connect_to"
            )
        if self.body is not None and self.method in ("GET", "HEAD"):
            raise ValueError(f"a {self.method} has no body; set method")
        if self.follow_redirects and any(isinstance(value, Secret) for value in self.headers.values()):
            # libcurl keeps only Authorization and Cookie from a foreign host.
            raise ValueError(
                "secret headers would follow a redirect to another host; use bearer, or no follow_redirects"
            )
        return self

    @property
    def is_tls(self) -> bool:
        return self.url.startswith("https:")

    @property
    def host_name(self) -> str:
        return urlsplit(self.url).hostname or ""

    @property
    def target(self) -> tuple[str, int]:
        """Host and port that the connection is made to, unless through a proxy."""
        if self.connect_to:
            return host_and_port(self.connect_to)
        parts = urlsplit(self.url)
        return parts.hostname or "", parts.port or DEFAULT_PORTS[parts.scheme]
