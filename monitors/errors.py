"""Own the errors that operators' actions on the measuring floor can meet, each worded for its reader.

MonitorError
├── FileManagedError   the configuration file rules here
├── StaleEditError     somebody else saved in between
└── OptionsError       what was typed does not describe a monitor of this kind
"""

from __future__ import annotations

from collections.abc import Mapping


class MonitorError(Exception):
    """This cannot be done to the monitor."""


class FileManagedError(MonitorError):
    """This monitor is managed by standpipe.yaml: change it there and run `manage.py apply`."""


class StaleEditError(MonitorError):
    """Somebody changed this monitor while you were editing. What you typed is still here: compare, and save again."""


class OptionsError(MonitorError):
    """The options are refused. `reasons` names each field by its path."""

    def __init__(self, reasons: Mapping[str, str]) -> None:
        super().__init__("; ".join(f"{path}: {reason}" for path, reason in reasons.items()))
        self.reasons = dict(reasons)
