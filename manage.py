#!/usr/bin/env python
"""Own the command line: hand it to Django with Standpipe's settings."""

from __future__ import annotations

import os
import sys

from statuspage.errors import OperatorError


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "statuspage.settings")
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except OperatorError as error:
        sys.exit(f"standpipe: {error}")


if __name__ == "__main__":
    main()
