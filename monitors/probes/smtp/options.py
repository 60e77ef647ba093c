"""Own the options of the `smtp` kind and their refusals."""

from __future__ import annotations

import re
import socket
from datetime import timedelta
from functools import lru_cache
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from monitors.addresses import host_and_port
from monitors.options import Duration, Secret, Strict
from monitors.probes.trust import ServerOptions

SUBMISSIONS_PORT = 465  # RFC 8314 section 3.3: TLS from the first byte
MAILBOX = re.compile(r"[^\s<>@\x00-\x1f\x7f]{1,64}@[^\s<>@\x00-\x1f\x7f]{1,255}")
HELO_NAME = re.compile(r"[A-Za-z0-9.:\[\]_-]{1,255}")


def _checked_mailbox(address: str) -> str:
    if not MAILBOX.fullmatch(address):
        raise ValueError(f"{address!r} is not a mail address; write it as name@domain")
    return address


def _checked_helo(name: str) -> str:
    if not HELO_NAME.fullmatch(name):
        raise ValueError(f"{name!r} is not a name to greet with")
    return name


Mailbox = Annotated[str, AfterValidator(_checked_mailbox)]
Keyword = Annotated[str, AfterValidator(str.upper)]


def _as_starttls(value: object) -> object:
    # YAML reads a bare `off` or `no` as false.
    return "off" if value is False else value


class Auth(Strict):
    user: str
    password: Secret
    mechanism: Literal["plain", "login"] = "plain"


class SmtpOptions(ServerOptions):
    """`canary` is a recipient that must be accepted, `known_bad` one that must be refused. No message is ever sent."""

    starttls: Annotated[Literal["required", "optional", "off"], BeforeValidator(_as_starttls)] = "required"
    implicit_tls: bool | None = None
    helo: Annotated[str, AfterValidator(_checked_helo)] | None = None
    auth: Auth | None = None
    mail_from: Mailbox | Literal[""] = ""
    canary: Mailbox | None = None
    known_bad: Mailbox | None = None
    extensions: list[Keyword] = Field(default_factory=list)
    banner_under: Duration = timedelta(seconds=2)
    under: Duration | None = None

    @model_validator(mode="after")
    def protect_the_password(self) -> Self:
        if self.auth and not self.is_implicit_tls and self.starttls != "required":
            raise ValueError(
                "auth needs starttls: required or implicit_tls: true, or the password would go in the clear"
            )
        return self

    @property
    def is_implicit_tls(self) -> bool:
        if self.implicit_tls is None:
            return host_and_port(self.address)[1] == SUBMISSIONS_PORT
        return self.implicit_tls

    @property
    def greeting_name(self) -> str:
        return self.helo or own_name()


@lru_cache(maxsize=1)
def own_name() -> str:
    """This machine's name for EHLO, or an address literal if it has none (RFC 5321 section 4.1.4)."""
    name = socket.gethostname()
    return name if HELO_NAME.fullmatch(name) else "[127.0.0.1]"
