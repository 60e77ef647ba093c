"""Own the map of addresses."""

from __future__ import annotations

from django.urls import include, path

from statuspage import api
from statuspage.views.api_docs import api_docs

urlpatterns = [
    path("", include("statuspage.pages")),
    path("api/v1/heartbeats/", include("statuspage.heartbeat_urls")),
    path("account/", include("statuspage.account_urls")),
    path("console/", include("monitors.urls")),
    path("api/v1/docs", api_docs, name="api-docs"),
    path("api/v1/", include((api.patterns(), "api"))),
    path("v2/change/enqueue", api.pagerduty_view(), name="pagerduty-change-enqueue"),
]
