"""The OpenAPI document: its promises are true, and no request made from it breaks the server."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.server.conftest import Served

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    unsupported_method,
]


PATHS = (
    "/v1/audio/speech",
    "/v1/audio/speech/captions",
    "/v1/audio/estimate",
    "/dev/captioned_speech",
    "/v1/models",
    "/v1/models/{model}",
    "/v1/audio/models",
    "/v1/audio/voices",
    "/v1/engines",
    "/v1/models/{model}/pull",
    "/health",
    "/metrics",
)


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize("path", PATHS)
def test_requests_made_from_the_document_get_what_it_says(
    server: Served, path: str, mode: GenerationMode
) -> None:
    document = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
    method = "POST" if "speech" in path or "pull" in path else "GET"
    strategy = document[path][method].as_strategy(generation_mode=mode)

    @settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
    @given(case=strategy)
    def check(case: Any) -> None:
        case.call_and_validate(checks=CHECKS)

    try:
        check()
    except Unsatisfiable:
        assert mode is GenerationMode.NEGATIVE, "there is nothing wrong that could be sent"


def test_the_document_names_every_route_but_the_web_socket(server: Served) -> None:
    paths = httpx.get(f"{server.url}/openapi.json").json()["paths"]
    assert set(paths) == set(PATHS)


def test_every_field_of_our_own_is_explained(server: Served) -> None:
    schemas = httpx.get(f"{server.url}/openapi.json").json()["components"]["schemas"]
    openai = {"input", "model", "voice", "instructions", "response_format", "speed", "stream_format"}
    ours = set(schemas["SpeechBody"]["properties"]) - openai
    assert ours == {"language", "seed", "sample_rate", "fallback", "markup", "options", "stream"}
    assert all(schemas["SpeechBody"]["properties"][name]["description"] for name in ours)
    assert schemas["SpeechBody"]["required"] == ["input"]
