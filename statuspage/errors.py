"""Own the errors of the top floor: each message is one line that an operator reads, and names the way out.

OperatorError
├── BadEnvironmentError      statuspage.environment
├── DatabaseRefusedError     statuspage.database.embedded
├── DatabaseUnreachableError statuspage.database.base (also Django's OperationalError)
├── PortTakenError           statuspage.supervisor
└── AccessError
    ├── LinkRefusedError     a sign-in link that is used, too old or unknown
    ├── LastAdminError       a change that would leave nobody in charge of access
    ├── NameTakenError       a name that is in use
    └── TokenRefusedError    an API token that may not do this
"""

from __future__ import annotations


class OperatorError(Exception):
    """Something that the operator can set right. `manage.py` prints it without a traceback."""


class AccessError(OperatorError):
    """This change of access is refused."""


class LinkRefusedError(AccessError):
    """This sign-in link was used already, is older than 15 minutes, or was never issued."""


class LastAdminError(AccessError):
    """This is the last active admin: give somebody else the role first."""


class NameTakenError(AccessError):
    """This name is in use."""


class TokenRefusedError(AccessError):
    """The API token does not allow this. `status` is 401 for who you are, 403 for what you may."""

    def __init__(self, reason: str, status: int) -> None:
        super().__init__(reason)
        self.reason = reason
        self.status = status
