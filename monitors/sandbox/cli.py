"""Own the words of the `sandbox` command line, shared by `manage.py sandbox` and `python -m monitors.sandbox`."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from pathlib import Path
from typing import Any

from monitors.sandbox import faults, plan
from monitors.sandbox.client import Control, base_port_in
from monitors.sandbox.faults import SandboxError

DIRECTORY = Path(".standpipe/sandbox")

ARGUMENTS = sorted({name for fault in faults.FAULTS.values() for name in fault.takes})


def option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def described(fault: faults.Fault) -> str:
    takes = "".join(f" [{option(name)} {default}]" for name, default in fault.takes.items())
    return f"  {fault.name:20} {fault.says}{takes}"


EPILOG = "faults:\n" + "\n".join(map(described, faults.FAULTS.values()))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.epilog = EPILOG
    actions = parser.add_subparsers(dest="action", required=True, metavar="up|break|mend|mode|status")
    up = _action(actions, "up", "run the platform until Ctrl-C")
    up.add_argument("--database-url", help="default: DATABASE_URL")
    up.add_argument("--schema", default="sandbox", help="Postgres schema of its own")
    up.add_argument("--rate", type=float, default=20.0, help="messages a second, 0 for none")
    up.add_argument("--hour", type=float, default=120.0, help="seconds from one top-of-hour peak to the next")
    up.add_argument("--die-with-parent", action="store_true", help=argparse.SUPPRESS)
    break_ = _action(actions, "break", "lay a fault on the platform")
    break_.add_argument("fault", help="see the list below of `sandbox --help`")
    break_.add_argument("--instance")
    for name in ARGUMENTS:
        break_.add_argument(option(name))
    mend = _action(actions, "mend", "take a fault away")
    mend.add_argument("fault", help='a fault\'s name, or "all"')
    mend.add_argument("--instance")
    mode = _action(actions, "mode", "the local switch: offline accepts and keeps mail, and sends none")
    mode.add_argument("mode", choices=("online", "offline"))
    status = _action(actions, "status", "where everything is, and how it is")
    status.add_argument("--json", action="store_true")


def _action(actions: Any, name: str, says: str) -> argparse.ArgumentParser:
    made: argparse.ArgumentParser = actions.add_parser(name, help=says, description=says)
    made.add_argument("--base-port", type=int, help="default: that of the directory's sandbox; for `up` 8700")
    made.add_argument("--directory", type=Path, help="keys, certificates, base port; default: in .standpipe/")
    return made


def run(options: Any) -> int:
    """Do what was asked; print; give the exit code."""
    try:
        if options.action == "up":
            _up(options)
        else:
            _speak(options)
    except SandboxError as error:
        print(f"sandbox: {error}", file=sys.stderr)
        return 1
    return 0


def _up(options: Any) -> None:
    from monitors.sandbox import child, running

    directory = options.directory or DIRECTORY
    if options.die_with_parent:
        child.die_with_parent()
    if not options.database_url:
        raise SandboxError("needs --database-url or DATABASE_URL")
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stdout)
    running.run(
        running.Options(
            database_url=options.database_url,
            directory=directory.resolve(),
            base_port=options.base_port or plan.DEFAULT_BASE_PORT,
            schema=options.schema,
            rate=options.rate,
            hour_s=options.hour,
        )
    )


def _speak(options: Any) -> None:
    control = Control(options.base_port or base_port_in(options.directory or DIRECTORY))
    match options.action:
        case "break":
            given = {name: value for name in ARGUMENTS if (value := getattr(options, name)) is not None}
            broken = control.break_(options.fault, options.instance, **given)
            print(f"{options.fault}: {', '.join(broken['broken'])}")
        case "mend":
            for one in control.mend(options.fault, options.instance)["mended"]:
                print(f"mended {one['name']}: {one['instance']}")
        case "mode":
            answer = control.mode(options.mode)
            print(f"{answer['mode']}, epoch {answer['epoch']}")
        case _:
            found = control.status()
            print(json.dumps(found, indent=1) if options.json else _plain(found))


def _plain(found: dict[str, Any]) -> str:
    totals, mode = found["totals"], found["mode"]
    lines = [f"{mode['mode']} (epoch {mode['epoch']})   CA {found['ca_file']}   control {found['control']}"]
    for one in found["instances"]:
        ails = ", ".join(one["faults"])
        lines.append(f"  {one['instance']:9} {one['state']:5} {one['address']:18} {ails}".rstrip())
    if totals["accepted"] is None:
        lines.append(f"totals unknown: {totals['reason']}")
    else:
        names = ("accepted", "queued", "in_flight", "sent", "bounced", "residual", "oldest_age_s", "consumers")
        lines.append("  ".join(f"{name} {_short(totals[name])}" for name in names))
    database = [one for one in found["faults"] if one["instance"] == "database"]
    lines += [f"database: {one['name']} since {one['since']}" for one in database]
    return "\n".join(lines)


def _short(value: Any) -> str:
    return "-" if value is None else f"{value:.1f}" if isinstance(value, float) else str(value)
