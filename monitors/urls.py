"""Own the addresses of the measuring floor, under `/console/`."""

from __future__ import annotations

from django.urls import URLPattern

app_name = "monitors"
urlpatterns: list[URLPattern] = []
