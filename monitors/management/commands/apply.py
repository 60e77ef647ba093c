"""Own `manage.py apply`: a configuration file, its plan, its applying."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any, NoReturn

from django.core.management.base import BaseCommand
from django.utils import timezone

from monitors.config.problems import ConfigInvalidError
from monitors.config.reading import read
from monitors.services.config import apply_config, planned

CHANGES_PENDING = 2


class Command(BaseCommand):
    help = "Validate a standpipe.yaml, print the plan (+ ~ -), and apply it in one transaction."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument("--check", action="store_true", help="only print the plan; exit 2 when it is not empty")

    def handle(self, *args: Any, file: Path, check: bool, **options: Any) -> None:
        try:
            wanted = read(file.read_text(encoding="utf-8"), str(file))
            changes = planned(wanted, str(file)) if check else apply_config(wanted, str(file), timezone.now())
        except ConfigInvalidError as error:
            self.refuse(str(error))
        except UnicodeDecodeError as error:
            self.refuse(f"{file}:1: .: is not UTF-8: {error.reason} at byte {error.start}")
        except OSError as error:
            self.refuse(f"{file}:1: .: cannot be read: {error.strerror}")
        for change in changes:
            self.stdout.write(str(change))
        if not changes:
            self.stdout.write("nothing to change")
        elif check:
            raise SystemExit(CHANGES_PENDING)

    def refuse(self, why: str) -> NoReturn:
        self.stderr.write(why)
        raise SystemExit(1)
