"""Own the addresses of the measuring floor, under `/console/`."""

from __future__ import annotations

from django.urls import path

from monitors.views import components, domains, monitor, monitor_actions, monitors

app_name = "monitors"
urlpatterns = [
    path("monitors/", monitors.monitor_list, name="monitor-list"),
    path("monitors.<str:form>", monitors.monitor_export, name="monitor-export"),
    path("monitors/<str:slug>/", monitor.monitor_detail, name="monitor-detail"),
    path("monitors/<str:slug>/latest/", monitor.monitor_latest, name="monitor-latest"),
    path("monitors/<str:slug>/run/", monitor_actions.monitor_run, name="monitor-run"),
    path("monitors/<str:slug>/pause/", monitor_actions.monitor_pause, name="monitor-pause"),
    path("monitors/<str:slug>/resume/", monitor_actions.monitor_resume, name="monitor-resume"),
    path("monitors/<str:slug>/mute/", monitor_actions.monitor_mute, name="monitor-mute"),
    path("monitors/<str:slug>/unmute/", monitor_actions.monitor_unmute, name="monitor-unmute"),
    path("monitors/<str:slug>/edit/", monitor_actions.monitor_edit, name="monitor-edit"),
    path("domains/", domains.domain_list, name="domain-list"),
    path("domains/<str:slug>/", domains.domain_detail, name="domain-detail"),
    path("domains/<str:slug>/judge/", domains.domain_judge, name="domain-judge"),
    path("components/", components.component_list, name="component-list"),
    path("components.<str:form>", components.component_export, name="component-export"),
    path("components/<str:slug>/", components.component_detail, name="component-detail"),
]
