"""Own the addresses of the communicating floor."""

from __future__ import annotations

from django.urls import path

from statuspage.views.public import status_page
from statuspage.views.theme import theme

app_name = "statuspage"
urlpatterns = [
    path("", status_page, name="status-page"),
    path("console/theme/", theme, name="theme"),
]
