"""Own the addresses that jobs call, under `/api/v1/heartbeats/`."""

from __future__ import annotations

from django.urls import path

from statuspage.views.heartbeats import heartbeat

app_name = "heartbeats"
urlpatterns = [
    path("<str:key>/", heartbeat, name="heartbeat"),
    path("<str:key>", heartbeat, name="heartbeat-bare"),
    path("<str:key>/start", heartbeat, {"signal": "start"}, name="heartbeat-start"),
    path("<str:key>/finish", heartbeat, {"signal": "finish"}, name="heartbeat-finish"),
    path("<str:key>/fail", heartbeat, {"signal": "fail"}, name="heartbeat-fail"),
]
