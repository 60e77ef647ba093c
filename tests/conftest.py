"""Own the plugins of the test ground (real peers, a real browser, the sandbox platform), and where its files are."""

from __future__ import annotations

import os
import shutil
import tempfile
from functools import partial

import pytest

pytest_plugins = ["tests.peers.fixtures", "tests.browser", "tests.sandbox.fixtures"]
TEMPORARY_ROOT = "PYTEST_DEBUG_TEMPROOT"


def pytest_configure(config: pytest.Config) -> None:
    """Give each session a temporary root of its own; set the variable to keep what tests leave there.

    At each start pytest closes its usual root to all other accounts, also to the one that a database, embedded by a
    session that is still running as root, runs as.
    """
    if TEMPORARY_ROOT not in os.environ:
        os.environ[TEMPORARY_ROOT] = tempfile.mkdtemp(prefix="standpipe-tests-")
        config.add_cleanup(partial(shutil.rmtree, os.environ[TEMPORARY_ROOT], ignore_errors=True))
