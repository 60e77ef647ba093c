"""Own the map of addresses."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("", include("statuspage.pages")),
    path("api/v1/heartbeats/", include("statuspage.heartbeat_urls")),
    path("account/", include("statuspage.account_urls")),
    path("console/", include("monitors.urls")),
]
