"""Every address and who may come in. A URL without a row here fails tests/test_access.py: add yours.

`ANYONE` needs no login, `SIGNED_IN` any person, `TOKEN` an API token; a role means this role and those above it.
`STEP` is a step of allauth's own dialogue, which sends to the sign-in page whoever is not at that step.
Addresses that take arguments name them; an object that does not exist is fine: what counts is the door.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

ANYONE, SIGNED_IN, TOKEN, STEP = "anyone", "signed in", "token", "step"
VIEWER, RESPONDER, OPERATOR, ADMIN = "viewer", "responder", "operator", "admin"


@dataclass(frozen=True, slots=True)
class Door:
    opens_to: str
    args: tuple[Any, ...] = ()
    method: str = "get"
    data: dict[str, Any] = field(default_factory=dict)


DOORS: dict[str, Door] = {
    # public
    "statuspage:status-page": Door(ANYONE),
    "statuspage:sign-in-link": Door(ANYONE, ("no-such-link",)),
    "statuspage:theme": Door(ANYONE, method="post"),
    "statuspage:readiness": Door(ANYONE),
    "statuspage:metrics": Door(TOKEN),
    # board
    "statuspage:board": Door(VIEWER),
    "statuspage:queue-samples": Door(VIEWER, ("no-such-queue",)),
    # queues
    "statuspage:queue-list": Door(VIEWER),
    "statuspage:queue-export": Door(VIEWER, ("csv",)),
    "statuspage:queue-detail": Door(VIEWER, ("no-such-queue",)),
    # api
    "api-docs": Door(ANYONE),
    "api:api-root": Door(ANYONE),
    "api:openapi-json": Door(ANYONE),
    "api:sample-push": Door(TOKEN, method="post"),
    "api:change-push": Door(TOKEN, method="post"),
    "api:change-enqueue": Door(TOKEN, method="post"),
    "pagerduty-change-enqueue": Door(TOKEN, method="post"),
    "api:queue-list": Door(TOKEN),
    "api:queue-detail": Door(TOKEN, ("no-such-queue",)),
    # access
    "statuspage:person-list": Door(ADMIN),
    "statuspage:person-role": Door(ADMIN, (0,), "post"),
    "statuspage:person-end-sessions": Door(ADMIN, (0,), "post"),
    "statuspage:person-active": Door(ADMIN, (0,), "post"),
    "statuspage:person-link": Door(ADMIN, (0,), "post"),
    "statuspage:token-list": Door(ADMIN),
    "statuspage:token-revoke": Door(ADMIN, (0,), "post"),
    # domains
    "monitors:domain-list": Door(VIEWER),
    "monitors:domain-detail": Door(VIEWER, ("none.example",)),
    "monitors:domain-judge": Door(RESPONDER, ("none.example",), "post"),
    # monitors and components
    "monitors:monitor-list": Door(VIEWER),
    "monitors:monitor-export": Door(VIEWER, ("csv",)),
    "monitors:monitor-detail": Door(VIEWER, ("none",)),
    "monitors:monitor-latest": Door(VIEWER, ("none",)),
    "monitors:monitor-run": Door(RESPONDER, ("none",), "post"),
    "monitors:monitor-mute": Door(RESPONDER, ("none",), "post"),
    "monitors:monitor-unmute": Door(RESPONDER, ("none",), "post"),
    "monitors:monitor-pause": Door(OPERATOR, ("none",), "post"),
    "monitors:monitor-resume": Door(OPERATOR, ("none",), "post"),
    "monitors:monitor-edit": Door(OPERATOR, ("none",)),
    "monitors:component-list": Door(VIEWER),
    "monitors:component-export": Door(VIEWER, ("json",)),
    "monitors:component-detail": Door(VIEWER, ("none",)),
    # heartbeats: whoever has the address
    "heartbeats:heartbeat": Door(ANYONE, ("no-such-key",)),
    "heartbeats:heartbeat-bare": Door(ANYONE, ("no-such-key",)),
    "heartbeats:heartbeat-start": Door(ANYONE, ("no-such-key",)),
    "heartbeats:heartbeat-finish": Door(ANYONE, ("no-such-key",)),
    "heartbeats:heartbeat-fail": Door(ANYONE, ("no-such-key",)),
    # signing in (allauth)
    "account_login": Door(ANYONE),
    "account_logout": Door(ANYONE),
    "account_inactive": Door(ANYONE),
    "account_signup": Door(ANYONE),
    "account_reauthenticate": Door(STEP),
    "account_change_password": Door(SIGNED_IN),
    "account_set_password": Door(SIGNED_IN),
    "account_reset_password": Door(ANYONE),
    "account_email": Door(SIGNED_IN),
    "mfa_index": Door(SIGNED_IN),
    "mfa_authenticate": Door(STEP),
    "mfa_reauthenticate": Door(STEP),
    "mfa_activate_totp": Door(SIGNED_IN),
    "mfa_deactivate_totp": Door(SIGNED_IN),
    "mfa_view_recovery_codes": Door(SIGNED_IN),
    "mfa_generate_recovery_codes": Door(SIGNED_IN),
    "mfa_download_recovery_codes": Door(SIGNED_IN),
    "mfa_list_webauthn": Door(SIGNED_IN),
    "mfa_add_webauthn": Door(SIGNED_IN),
    "mfa_reauthenticate_webauthn": Door(STEP),
    "mfa_remove_webauthn": Door(SIGNED_IN, (0,)),
    "mfa_edit_webauthn": Door(SIGNED_IN, (0,)),
    "mfa_login_webauthn": Door(STEP),
}
