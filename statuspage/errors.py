"""Own the errors of the top floor: each message is one line that an operator reads, and names the way out.

OperatorError
├── BadEnvironmentError      statuspage.environment
├── DatabaseRefusedError     statuspage.database.embedded
├── DatabaseUnreachableError statuspage.database.base (also Django's OperationalError)
└── PortTakenError           statuspage.supervisor
"""

from __future__ import annotations


class OperatorError(Exception):
    """Something that the operator can set right. `manage.py` prints it without a traceback."""
