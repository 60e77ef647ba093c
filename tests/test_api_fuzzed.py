"""Whatever the API's description allows, and much that it does not, is answered as described and never with a 500."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance, status_code_conformance

from monitors.models import Monitor
from statuspage.models import ApiToken
from statuspage.services.access import digest

KEY = "sp_fuzzer"


SCHEMA = schemathesis.openapi.from_wsgi("/api/v1/openapi.json", get_wsgi_application())
OPERATIONS = [result.ok() for result in SCHEMA.get_all_operations()]
CHECKS = [not_a_server_error, status_code_conformance, response_schema_conformance]


@pytest.fixture
def key(transactional_db: None) -> str:
    ApiToken.objects.create(name="fuzzer", digest=digest(KEY), scopes=["samples", "changes", "read"])
    Monitor.objects.create(slug="0", name="Outbound", kind="queue", options={"source": "push"})
    return KEY


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.label)
@pytest.mark.parametrize("mode", list(GenerationMode), ids=lambda mode: mode.value)
def test_the_api_answers_as_described(operation: Any, mode: GenerationMode, key: str) -> None:
    @given(operation.as_strategy(generation_mode=mode))
    @settings(max_examples=25, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    def answers(case: Any) -> None:
        headers = {"Authorization": f"Bearer {key}", "Host": "127.0.0.1"}
        case.call_and_validate(headers=headers, checks=CHECKS)

    answers()
