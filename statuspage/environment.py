"""Own the reading of the environment: every variable, its type, its default, its refusal."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import SplitResult, parse_qsl, unquote, urlsplit

from statuspage.database.place import Place
from statuspage.errors import OperatorError

PREFIX = "STANDPIPE_"
CHECKOUT = Path(__file__).resolve().parent.parent
SECRET_KEY_MIN = 50
"""Characters; below that, `check --deploy` calls the key weak."""
CONNECT_WITHIN_S = 5
DEFAULT_PORT = 8765
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "::1")


class BadEnvironmentError(OperatorError):
    """Every variable that is malformed or unknown, with the reason, one a line."""


def variable(name: str, parse: Callable[[str], Any], default: str, meaning: str) -> Any:
    """A field read from `name`; `default` is text as an operator would write it. `meaning` is the README's."""
    return field(metadata={"name": name, "parse": parse, "default": default, "meaning": meaning})


def text(value: str) -> str | None:
    return value or None


def boolean(value: str) -> bool:
    if value not in {"true", "false"}:
        raise ValueError("must be true or false")
    return value == "true"


def one_of(*words: str) -> Callable[[str], str]:
    def parse(value: str) -> str:
        if value not in words:
            raise ValueError(f"must be one of {', '.join(words)}")
        return value

    return parse


def whole_number(least: int, most: int) -> Callable[[str], int]:
    def parse(value: str) -> int:
        if not value.isascii() or not value.isdigit() or not least <= int(value) <= most:
            raise ValueError(f"must be a whole number from {least} to {most}")
        return int(value)

    return parse


def host_names(value: str) -> list[str]:
    names = [name.strip() for name in value.split(",") if name.strip()]
    if wrong := [name for name in names if "/" in name or " " in name]:
        raise ValueError(f"must be host names separated by commas, not {wrong[0]!r}")
    return names


def networks(value: str) -> list[str]:
    names = [name.strip() for name in value.split(",") if name.strip()]
    for name in names:
        try:
            ip_network(name)
        except ValueError:
            raise ValueError(f"must be addresses or networks separated by commas, not {name!r}") from None
    return names


def endpoints(value: str) -> list[str]:
    names = [name.strip() for name in value.split(",") if name.strip()]
    if wrong := [name for name in names if not name.rpartition(":")[0] or not name.rpartition(":")[2].isdigit()]:
        raise ValueError(f"must be host:port separated by commas, not {wrong[0]!r}")
    return names


def http_url(value: str) -> SplitResult:
    url = urlsplit(value)
    if url.scheme not in {"http", "https"} or not url.hostname:
        raise ValueError("must be an address such as https://status.example.com")
    if url.path not in {"", "/"} or url.query or url.fragment or "@" in url.netloc:
        raise ValueError("must be scheme, host and port only, without a path or a password")
    assert url.port is None or url.port >= 0
    # As browsers write an origin (RFC 6454 section 6.1), for it is compared with theirs.
    usual = {"http": ":80", "https": ":443"}[url.scheme]
    return SplitResult(url.scheme, url.netloc.lower().removesuffix(usual), "", "", "")


def database_url(value: str) -> SplitResult | None:
    if not value:
        return None
    url = urlsplit(value)
    if url.scheme not in {"postgres", "postgresql"} or not url.path.strip("/"):
        raise ValueError("must be postgresql://user:password@host:port/name")
    assert url.port is None or url.port >= 0
    return url


def secret(value: str) -> str | None:
    if value and len(value) < SECRET_KEY_MIN:
        raise ValueError(f"must have at least {SECRET_KEY_MIN} characters")
    return value or None


def directory(value: str) -> Path:
    path = (CHECKOUT / Path(value).expanduser()).resolve()
    if path.exists() and not path.is_dir():
        raise ValueError(f"{path} is not a directory")
    return path


@dataclass(frozen=True, slots=True, kw_only=True)
class Environment:
    database_url: SplitResult | None = variable(
        "DATABASE_URL",
        database_url,
        "",
        "`postgresql://user:password@host:port/name`. Unset: an embedded PostgreSQL in the data directory.",
    )
    database_connections: int = variable(
        "STANDPIPE_DATABASE_CONNECTIONS",
        whole_number(2, 1000),
        "10",
        "Most connections that one process opens. Web, prober and responder together must fit the server's limit.",
    )
    data_dir: Path = variable(
        "STANDPIPE_DATA_DIR",
        directory,
        ".standpipe",
        "Directory of the embedded database, the secret key and collected static files.",
    )
    url: SplitResult = variable(
        "STANDPIPE_URL",
        http_url,
        f"http://127.0.0.1:{DEFAULT_PORT}",
        "Address that people use. With `https`, cookies are secure, HTTP is redirected and HSTS is sent.",
    )
    allowed_hosts: list[str] = variable(
        "STANDPIPE_ALLOWED_HOSTS",
        host_names,
        "",
        "Further host names that requests may carry, separated by commas. `STANDPIPE_URL` and loopback are known.",
    )
    trusted_proxies: list[str] = variable(
        "STANDPIPE_TRUSTED_PROXIES",
        networks,
        "127.0.0.1,::1",
        "Addresses or networks of proxies whose `X-Forwarded-For` and `X-Forwarded-Proto` are believed.",
    )
    secret_key: str | None = variable(
        "STANDPIPE_SECRET_KEY",
        secret,
        "",
        "Signs sessions; the same on every machine. Unset: made once, kept in the data directory with mode 0600.",
    )
    location: str = variable(
        "STANDPIPE_LOCATION", str, "main", "Name of the place that this machine's prober probes from."
    )
    anchors: list[str] = variable(
        "STANDPIPE_ANCHORS",
        endpoints,
        "",
        "`host:port`s outside, by which a prober tells its own network's loss from a target's. Unset: its resolvers.",
    )
    spool_megabytes: int = variable(
        "STANDPIPE_SPOOL_MEGABYTES",
        whole_number(8, 100_000),
        "256",
        "Most that a prober keeps on disk while the database is gone. Beyond it evidence goes, observations never.",
    )
    keep_observations_days: int = variable(
        "STANDPIPE_KEEP_OBSERVATIONS_DAYS", whole_number(1, 3_660), "3", "Days that single observations are kept."
    )
    keep_minutes_days: int = variable(
        "STANDPIPE_KEEP_MINUTES_DAYS", whole_number(1, 3_660), "7", "Days that figures by the minute are kept."
    )
    keep_hours_days: int = variable(
        "STANDPIPE_KEEP_HOURS_DAYS",
        whole_number(1, 3_660),
        "400",
        "Days that figures by the hour are kept. Those by the day, and all state changes, are kept for good.",
    )
    keep_evidence_days: int = variable(
        "STANDPIPE_KEEP_EVIDENCE_DAYS", whole_number(1, 3_660), "90", "Days that evidence of failures is kept."
    )
    log_format: str = variable(
        "STANDPIPE_LOG_FORMAT", one_of("line", "json"), "line", "`line` for key=value, `json` for one object a line."
    )
    log_level: str = variable(
        "STANDPIPE_LOG_LEVEL",
        one_of("DEBUG", "INFO", "WARNING", "ERROR"),
        "INFO",
        "Least severe level that is logged: `DEBUG`, `INFO`, `WARNING`, `ERROR`.",
    )
    debug: bool = variable(
        "STANDPIPE_DEBUG", boolean, "false", "`true` shows tracebacks in the browser. Never where others can reach it."
    )

    @property
    def is_tls(self) -> bool:
        return self.url.scheme == "https"

    @property
    def hosts(self) -> list[str]:
        """Host names that requests may carry."""
        return list(dict.fromkeys([self.url.hostname or "", *self.allowed_hosts, *LOOPBACK_NAMES, "[::1]"]))


@dataclass(frozen=True, slots=True)
class Variable:
    """One row of the README's table."""

    name: str
    default: str
    meaning: str
    parse: Callable[[str], Any]


VARIABLES = {row.name: Variable(**row.metadata) for row in fields(Environment)}


def read(environ: Mapping[str, str] = os.environ) -> Environment:
    """Everything from the environment. Raises BadEnvironmentError with all that is wrong at once."""
    values: dict[str, Any] = {}
    problems = [unknown(name) for name in sorted(environ) if name.startswith(PREFIX) and not is_known(name)]
    for key, row in VARIABLES.items():
        try:
            values[key] = row.parse(environ.get(row.name) or row.default)
        except (ValueError, AssertionError) as error:
            shown = "" if row.parse in (secret, database_url) else f", not {environ.get(row.name)!r}"
            problems.append(f"{row.name}: {error}{shown}")
    if problems:
        raise BadEnvironmentError("the environment is wrong:\n  " + "\n  ".join(problems))
    return Environment(**values)


def is_known(name: str) -> bool:
    return any(row.name == name for row in VARIABLES.values())


def unknown(name: str) -> str:
    names = [row.name.removeprefix(PREFIX) for row in VARIABLES.values()]
    near = get_close_matches(name.removeprefix(PREFIX), names, 1, 0.7)
    return f"{name}: unknown variable" + (f", did you mean {PREFIX}{near[0]}?" if near else "")


def secret_key(env: Environment) -> str:
    """The key given, or that of the data directory, made there on the first run."""
    if env.secret_key is not None:
        return env.secret_key
    file = env.data_dir / "secret_key"
    env.data_dir.mkdir(mode=0o711, parents=True, exist_ok=True)
    if not file.exists():
        # Written apart and linked into place: of two first runs at once, both use the key of the one that came first.
        handle, fresh = tempfile.mkstemp(prefix="secret_key.", dir=env.data_dir)
        with open(handle, "w") as key:
            key.write(secrets.token_urlsafe(SECRET_KEY_MIN))
        with suppress(FileExistsError):
            os.link(fresh, file)
        os.unlink(fresh)
    return file.read_text().strip()


def database(env: Environment) -> dict[str, Any]:
    """Django's DATABASES entry. Nothing is started or connected here: the backend does, when it is first asked."""
    shared = {
        "ENGINE": "statuspage.database",
        # A connection that the server dropped is replaced when it is next taken from the pool.
        "CONN_HEALTH_CHECKS": True,
    }
    pool = {"min_size": 0, "max_size": env.database_connections, "timeout": CONNECT_WITHIN_S, "max_idle": 60}
    options: dict[str, Any] = {"pool": pool, "connect_timeout": CONNECT_WITHIN_S}
    if env.database_url is None:
        place = Place(env.data_dir)
        where = {"NAME": "postgres", "USER": "postgres", "HOST": str(place.socket_dir), "EMBEDDED_AT": place}
        return shared | where | {"OPTIONS": options}
    url = env.database_url
    query = dict(parse_qsl(url.query))
    return shared | {
        "NAME": unquote(url.path.lstrip("/")),
        "USER": unquote(url.username or ""),
        "PASSWORD": unquote(url.password or ""),
        # A socket directory cannot stand where a host does: `?host=/run/postgresql`.
        "HOST": query.pop("host", url.hostname or ""),
        "PORT": query.pop("port", str(url.port or "")),
        "OPTIONS": options | query,
    }
