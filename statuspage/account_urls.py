"""Own the addresses of signing in: those of allauth that fit an installation without sign-up and without mail."""

from __future__ import annotations

from allauth.account.urls import urlpatterns as every_account_url
from django.contrib.auth.decorators import login_not_required
from django.urls import include, path
from django.views.generic import RedirectView, TemplateView

KEPT = {
    "account_login",
    "account_logout",
    "account_inactive",
    "account_signup",
    "account_reauthenticate",
    "account_change_password",
    "account_set_password",
}
forgotten = login_not_required(TemplateView.as_view(template_name="account/password_forgotten.html"))

urlpatterns = [
    *(pattern for pattern in every_account_url if pattern.name in KEPT),
    # allauth links to these two by name.
    path("password/forgotten/", forgotten, name="account_reset_password"),
    path("email/", RedirectView.as_view(pattern_name="mfa_index"), name="account_email"),
    path("2fa/", include("allauth.mfa.urls")),
]
