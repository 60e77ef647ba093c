"""Own `manage.py init`: a commented first `standpipe.yaml`, and its schema for the editor."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from monitors import config
from monitors.config.schema import json_schema

STARTER = Path(config.__file__).with_name("starter.yaml")
SCHEMA_NAME = "standpipe.schema.json"


class Command(BaseCommand):
    help = "Write a commented starter standpipe.yaml and its JSON schema; never overwrites a configuration."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path, nargs="?", default=Path("standpipe.yaml"))

    def handle(self, *args: Any, file: Path, **options: Any) -> None:
        try:
            with file.open("x", encoding="utf-8") as new:
                new.write(STARTER.read_text(encoding="utf-8"))
            # The schema is derived, so an older one beside the file may be replaced.
            schema = file.with_name(SCHEMA_NAME)
            schema.write_text(json.dumps(json_schema(), indent=1) + "\n", encoding="utf-8")
        except FileExistsError:
            raise CommandError(f"{file} is there already and was left as it is; name another file") from None
        except OSError as error:
            raise CommandError(f"{error.filename}: {error.strerror}") from None
        self.stdout.write(f"wrote {file} and {schema}\nnext: manage.py apply {file} --check")
