"""Own what is configured about a watched domain: who it is, what it must have, and whom to ask."""

from __future__ import annotations

import ipaddress
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import dns.exception
import dns.name
from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from monitors.options import Strict
from monitors.resolver import Endpoint, Via

RecordName = Literal["spf", "dkim", "dmarc", "mx", "ptr", "mta-sts", "tls-rpt", "dane", "ns", "dnsbl", "caa", "bimi"]
DOT_PORT = 853


def parse_domain(value: object) -> str:
    """A domain name in lower case, A-labels, without the last dot. Raises ValueError with the reason."""
    if not isinstance(value, str) or not value.strip(". "):
        raise ValueError(f"{value!r} is not a domain name")
    try:
        name = dns.name.from_text(value.strip(), idna_codec=dns.name.IDNA_2008_Practical)
    except (dns.exception.DNSException, UnicodeError) as error:
        raise ValueError(f"{value!r} is not a domain name: {error}") from error
    return name.to_text(omit_final_dot=True).lower()


def parse_server(value: str) -> str:
    Endpoint.parse(value)
    return value


def parse_address(value: str) -> str:
    return str(ipaddress.ip_address(value))


def listed(value: Any) -> Any:
    """A single value where a list is meant."""
    return [value] if isinstance(value, str | dict) else value


Domain = Annotated[str, BeforeValidator(parse_domain)]
Address = Annotated[str, AfterValidator(parse_address)]
Server = Annotated[str, AfterValidator(parse_server)]


class Selector(Strict):
    """A DKIM selector in use. `public_key`, where given, is the base64 text that `p=` must carry."""

    selector: str = Field(pattern=r"^[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?$", max_length=200)
    public_key: str | None = None

    @model_validator(mode="before")
    @classmethod
    def read_bare_name(cls, value: Any) -> Any:
        return {"selector": value} if isinstance(value, str) else value


class ResolverOptions(Strict):
    """Whom to ask. `validating` vouches for their AD bit: say so only of resolvers of your own, on a path you trust.

    `tls_name` asks over TLS (RFC 7858), port 853 unless given, and is the name that their certificate must carry;
    `ca` replaces the machine's trusted certificates for that.
    """

    servers: Annotated[tuple[Server, ...], BeforeValidator(listed)] = Field(min_length=1)
    validating: bool = False
    tls_name: str | None = None
    ca: Path | None = None

    @model_validator(mode="before")
    @classmethod
    def read_bare_address(cls, value: Any) -> Any:
        return {"servers": value} if isinstance(value, str | list | tuple) else value

    def endpoints(self) -> tuple[Endpoint, ...]:
        if self.tls_name is None:
            return tuple(Endpoint.parse(server) for server in self.servers)
        parsed = (Endpoint.parse(server, DOT_PORT) for server in self.servers)
        return tuple(Endpoint(one.host, one.port, Via.TLS, self.tls_name) for one in parsed)


class DomainOptions(Strict):
    """One entry of `domains:`. What is left out is not judged, rather than guessed."""

    name: Domain
    envelope: Annotated[tuple[Domain, ...], BeforeValidator(listed)] = ()
    dkim: Annotated[tuple[Selector, ...], BeforeValidator(listed)] = ()
    egress: Annotated[tuple[Address, ...], BeforeValidator(listed)] = ()
    ehlo: Annotated[tuple[Domain, ...], BeforeValidator(listed)] = ()
    mx: Annotated[tuple[Domain, ...], BeforeValidator(listed)] = ()
    receives: bool = True
    require: Annotated[tuple[RecordName, ...], BeforeValidator(listed)] = ()
    skip: Annotated[tuple[RecordName, ...], BeforeValidator(listed)] = ()
    dnsbl: Annotated[tuple[Domain, ...], BeforeValidator(listed)] = ()
    resolver: ResolverOptions | None = None
    ns_port: int | None = Field(default=None, ge=1, le=65_535)
    https_port: int = Field(default=443, ge=1, le=65_535)
    smtp_port: int = Field(default=25, ge=1, le=65_535)
    ca: Path | None = None

    @model_validator(mode="after")
    def agree_with_oneself(self) -> Self:
        both = sorted(set(self.require) & set(self.skip))
        if both:
            raise ValueError(f"{', '.join(both)}: a record cannot be both required and skipped")
        return self

    @property
    def trusts_ad(self) -> bool:
        return self.resolver is not None and self.resolver.validating
