"""The environment is read once, typed, and refused as a whole with every reason named."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from statuspage import environment
from statuspage.environment import VARIABLES, BadEnvironmentError, read

CHECKOUT = Path(__file__).resolve().parent.parent


def problems(given: Mapping[str, str]) -> list[str]:
    with pytest.raises(BadEnvironmentError) as refusal:
        read(given)
    return [line.strip() for line in str(refusal.value).splitlines()[1:]]


def test_an_empty_environment_gives_the_defaults() -> None:
    env = read({})
    assert env.database_url is None
    assert env.url.geturl() == "http://127.0.0.1:8765"
    assert (env.is_tls, env.debug, env.log_format) == (False, False, "line")
    assert env.data_dir == CHECKOUT / ".standpipe"


def test_an_empty_value_is_as_unset() -> None:
    assert read({row.name: "" for row in VARIABLES.values()}) == read({})


@pytest.mark.parametrize(
    "written",
    ["https://status.example.com/", "https://status.example.com:443", "HTTPS://Status.Example.com"],
    ids=["slash", "usual port", "capitals"],
)
def test_the_address_is_taken_as_browsers_write_an_origin(written: str) -> None:
    """Compared with theirs at every form and socket: a slash more would refuse them all."""
    assert read({"STANDPIPE_URL": written}).url.geturl() == "https://status.example.com"


def test_a_port_of_its_own_stays_in_the_address() -> None:
    assert read({"STANDPIPE_URL": "http://[::1]:8080/"}).url.geturl() == "http://[::1]:8080"


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("DATABASE_URL", "mysql://db/mail", "must be postgresql://user:password@host:port/name"),
        ("DATABASE_URL", "postgresql://db", "must be postgresql://user:password@host:port/name"),
        ("DATABASE_URL", "postgresql://db:99999/mail", "Port out of range 0-65535"),
        ("STANDPIPE_DATABASE_CONNECTIONS", "many", "must be a whole number from 2 to 1000, not 'many'"),
        ("STANDPIPE_DATABASE_CONNECTIONS", "1", "must be a whole number from 2 to 1000, not '1'"),
        ("STANDPIPE_DATA_DIR", "manage.py", "is not a directory"),
        ("STANDPIPE_URL", "status.example.com", "must be an address such as https://status.example.com"),
        ("STANDPIPE_URL", "https://status.example.com/path", "must be scheme, host and port only"),
        ("STANDPIPE_URL", "https://:hush@status.example.com", "must be scheme, host and port only"),
        ("STANDPIPE_URL", "https://me:hush@status.example.com", "must be scheme, host and port only"),
        ("STANDPIPE_ALLOWED_HOSTS", "a.example, http://b.example", "must be host names separated by commas"),
        ("STANDPIPE_TRUSTED_PROXIES", "10.0.0.0/8,proxy", "must be addresses or networks separated by commas"),
        ("STANDPIPE_SECRET_KEY", "short", "must have at least 50 characters"),
        ("STANDPIPE_LOG_FORMAT", "xml", "must be one of line, json, not 'xml'"),
        ("STANDPIPE_LOG_LEVEL", "info", "must be one of DEBUG, INFO, WARNING, ERROR"),
        ("STANDPIPE_DEBUG", "yes", "must be true or false, not 'yes'"),
    ],
)
def test_a_malformed_value_is_refused_with_name_and_reason(name: str, value: str, reason: str) -> None:
    (problem,) = problems({name: value})
    assert problem.startswith(f"{name}: ")
    assert reason in problem


@pytest.mark.parametrize("name", ["STANDPIPE_SECRET_KEY", "DATABASE_URL"])
def test_a_refusal_does_not_repeat_a_secret(name: str) -> None:
    (problem,) = problems({name: "http://me:hush"})
    assert "hush" not in problem


def test_an_unknown_variable_is_refused_and_the_near_one_named() -> None:
    assert problems({"STANDPIPE_DEBUGG": "true"}) == [
        "STANDPIPE_DEBUGG: unknown variable, did you mean STANDPIPE_DEBUG?"
    ]


def test_all_that_is_wrong_is_told_at_once() -> None:
    assert len(problems({"STANDPIPE_DEBUG": "1", "STANDPIPE_URL": "x", "STANDPIPE_NOSUCH": "1"})) == 3


def test_a_command_refuses_to_start_and_prints_lines_without_a_traceback() -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check"],
        check=False,
        cwd=CHECKOUT,
        env=os.environ | {"STANDPIPE_DEBUG": "perhaps", "STANDPIPE_NOSUCH": "1"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.splitlines() == [
        "standpipe: the environment is wrong:",
        "  STANDPIPE_NOSUCH: unknown variable",
        "  STANDPIPE_DEBUG: must be true or false, not 'perhaps'",
    ]


def test_https_makes_production_settings_that_pass_every_deployment_check(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "check", "--deploy", "--fail-level", "WARNING"],
        check=False,
        cwd=CHECKOUT,
        env=os.environ | {"STANDPIPE_URL": "https://status.example.com", "STANDPIPE_DATA_DIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


def test_the_secret_key_is_made_once_and_is_nobody_elses_to_read(tmp_path: Path) -> None:
    env = read({"STANDPIPE_DATA_DIR": str(tmp_path / "data")})
    key = environment.secret_key(env)
    assert len(key) >= 50
    assert stat.S_IMODE((tmp_path / "data" / "secret_key").stat().st_mode) == 0o600
    assert environment.secret_key(env) == key
    assert [file.name for file in (tmp_path / "data").iterdir()] == ["secret_key"]


def test_first_runs_at_once_agree_on_one_secret_key(tmp_path: Path) -> None:
    env = read({"STANDPIPE_DATA_DIR": str(tmp_path)})
    with ThreadPoolExecutor(8) as threads:
        keys = set(threads.map(lambda _: environment.secret_key(env), range(16)))
    assert len(keys) == 1


def test_a_given_secret_key_is_used_and_none_is_written(tmp_path: Path) -> None:
    env = read({"STANDPIPE_SECRET_KEY": "k" * 50, "STANDPIPE_DATA_DIR": str(tmp_path)})
    assert environment.secret_key(env) == "k" * 50
    assert list(tmp_path.iterdir()) == []


def test_parts_of_a_database_url_are_unquoted_and_its_options_kept() -> None:
    env = read({"DATABASE_URL": "postgresql://a%40b:p%2Fw@db.example:6432/mail?sslmode=verify-full"})
    found = environment.database(env)
    assert (found["USER"], found["PASSWORD"], found["HOST"], found["PORT"]) == ("a@b", "p/w", "db.example", "6432")
    assert found["OPTIONS"]["sslmode"] == "verify-full"


def test_a_database_url_may_name_a_socket_directory() -> None:
    found = environment.database(read({"DATABASE_URL": "postgresql:///mail?host=/run/postgresql"}))
    assert (found["HOST"], found["NAME"]) == ("/run/postgresql", "mail")
