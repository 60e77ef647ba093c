"""Own the sandbox's own command line, without Django."""

from __future__ import annotations

import argparse
import os
import sys

from monitors.sandbox import cli

parser = argparse.ArgumentParser(prog="sandbox")
cli.add_arguments(parser)
options = parser.parse_args()
if options.action == "up":
    options.database_url = options.database_url or os.environ.get("DATABASE_URL")
sys.exit(cli.run(options))
