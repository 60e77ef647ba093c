"""A passkey is added and lets its owner in, in a real browser and under our content security policy."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from statuspage.models import User
from tests.browser import LiveServer

pytestmark = pytest.mark.browser
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


def test_a_passkey_lets_in(browser: Browser, server: LiveServer, operator: User, session_cookie: str) -> None:
    # A passkey belongs to a name: browsers refuse to make one for an address.
    home = f"http://localhost:{server.port}"
    context = browser.new_context(base_url=home)
    context.add_cookies([{"name": "sessionid", "value": session_cookie, "url": home}])
    page = context.new_page()
    wire = context.new_cdp_session(page)
    wire.send("WebAuthn.enable")
    wire.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
    page.goto("/account/2fa/webauthn/add/")
    page.get_by_label("Passwordless").check()
    page.get_by_role("button", name="Add").click()
    page.wait_for_url("**/account/2fa/**")
    expect(page.get_by_role("heading", level=1)).to_be_visible()
    context.clear_cookies()
    page.goto("/account/login/")
    page.get_by_role("button", name="Use a passkey").click()
    page.wait_for_url("**/console/")
    expect(page.get_by_text("maria · operator")).to_be_visible()
    context.close()
