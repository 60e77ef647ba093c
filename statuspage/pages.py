"""Own the addresses of the communicating floor."""

from __future__ import annotations

from django.urls import path

from statuspage.views import health, links, people, queues, tokens
from statuspage.views.board import board
from statuspage.views.public import status_page
from statuspage.views.theme import theme

app_name = "statuspage"
urlpatterns = [
    path("", status_page, name="status-page"),
    path("readyz", health.ready, name="readiness"),
    path("metrics", health.metrics, name="metrics"),
    path("sign-in/<str:secret>/", links.sign_in_link, name="sign-in-link"),
    path("console/", board, name="board"),
    path("console/queues/", queues.queue_list, name="queue-list"),
    path("console/queues.<str:form>", queues.queue_export, name="queue-export"),
    path("console/queues/<str:slug>/", queues.queue_detail, name="queue-detail"),
    path("console/queues/<str:slug>/samples.csv", queues.queue_samples, name="queue-samples"),
    path("console/theme/", theme, name="theme"),
    path("console/people/", people.person_list, name="person-list"),
    path("console/people/<int:pk>/role/", people.person_role, name="person-role"),
    path("console/people/<int:pk>/end-sessions/", people.person_end_sessions, name="person-end-sessions"),
    path("console/people/<int:pk>/active/", people.person_active, name="person-active"),
    path("console/people/<int:pk>/link/", people.person_link, name="person-link"),
    path("console/tokens/", tokens.token_list, name="token-list"),
    path("console/tokens/<int:pk>/revoke/", tokens.token_revoke, name="token-revoke"),
]
