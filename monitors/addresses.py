"""Own the spelling of network addresses in options: `host:port`, `192.0.2.1:25`, `[2001:db8::1]:25`."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import AfterValidator

IpVersion = Literal[4, 6]
HOST_NAME = re.compile(
    r"(?=.{1,253}\.?$)([A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.)*[A-Za-z0-9_]([A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?\.?"
)
FORMS = "write it as host:port, 192.0.2.1:port or [2001:db8::1]:port"


@lru_cache(maxsize=10_000)
def host_and_port(address: str) -> tuple[str, int]:
    """The two parts, brackets of IPv6 removed. Raises ValueError saying the accepted forms."""
    host, colon, digits = address.rpartition(":")
    if not colon or not digits.isascii() or not digits.isdigit() or not 0 < int(digits) < 65_536:
        raise ValueError(f"{address!r} has no valid port; {FORMS}")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
        if not is_ip(host) or ":" not in host:
            raise ValueError(f"{address!r} has no IPv6 address in its brackets; {FORMS}")
    elif not is_ip(host) and not HOST_NAME.fullmatch(host):
        raise ValueError(f"{address!r} has no valid host; {FORMS}")
    elif ":" in host:
        raise ValueError(f"{address!r} is ambiguous: put the IPv6 address in brackets; {FORMS}")
    return host, int(digits)


def is_ip(host: str) -> bool:
    try:
        ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True


def _checked(address: str) -> str:
    host_and_port(address)
    return address


Address = Annotated[str, AfterValidator(_checked)]
