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


ROUTES = (
    *(("POST", "/v1/audio/speech"), ("POST", "/v1/audio/speech/captions"), ("GET", "/v1/audio/estimate")),
    *(("POST", "/dev/captioned_speech"), ("GET", "/v1/models"), ("GET", "/v1/models/{model}")),
    *(("GET", "/v1/audio/models"), ("GET", "/v1/engines"), ("POST", "/v1/models/{model}/pull")),
    *(("GET", "/v1/audio/voices"), ("POST", "/v1/audio/voices"), ("POST", "/v1/audio/voices/import")),
    *(("GET", "/v1/audio/voices/{voice_id}"), ("PATCH", "/v1/audio/voices/{voice_id}")),
    *(("DELETE", "/v1/audio/voices/{voice_id}"), ("POST", "/v1/audio/voices/{voice_id}/restore")),
    *(("GET", "/v1/audio/voices/{voice_id}/export"), ("POST", "/v1/audio/voices/{voice_id}/prepare")),
    *(("POST", "/v1/audio/voices/{voice_id}/samples"), ("GET", "/v1/audio/stored-voices")),
    ("GET", "/v1/audio/voices/{voice_id}/samples/{sample_id}"),
    ("DELETE", "/v1/audio/voices/{voice_id}/samples/{sample_id}"),
    *(("GET", "/v1/audio/prepared-voices"), ("DELETE", "/v1/audio/prepared-voices")),
    *(("GET", "/emotions"), ("POST", "/emotions"), ("GET", "/emotions/{emotion_id}")),
    *(("PUT", "/emotions/{emotion_id}"), ("DELETE", "/emotions/{emotion_id}")),
    *(("POST", "/emotions/{emotion_id}/restore"), ("POST", "/emotions/{emotion_id}/test")),
    *(("POST", "/emotions/{emotion_id}/voices"), ("GET", "/emotions/{emotion_id}/voices/{sample_id}")),
    ("DELETE", "/emotions/{emotion_id}/voices/{sample_id}"),
    *(("POST", "/generate"), ("GET", "/outputs/{filename}"), ("GET", "/health"), ("GET", "/metrics")),
)
UNTRIED = {("POST", "/v1/audio/estimate")}
"""Routes with the same body as one that is tried."""


@pytest.mark.parametrize("mode", [GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_requests_made_from_the_document_get_what_it_says(
    server: Served, method: str, path: str, mode: GenerationMode
) -> None:
    document = schemathesis.openapi.from_url(f"{server.url}/openapi.json")
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
    named = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    assert named == {*ROUTES, *UNTRIED}


def test_every_field_of_our_own_is_explained(server: Served) -> None:
    schemas = httpx.get(f"{server.url}/openapi.json").json()["components"]["schemas"]
    openai = {"input", "model", "voice", "instructions", "response_format", "speed", "stream_format"}
    ours = set(schemas["SpeechBody"]["properties"]) - openai
    assert ours == {
        "emotion",
        "emotion_settings",
        "language",
        "seed",
        "sample_rate",
        "fallback",
        "markup",
        "options",
        "stream",
    }
    assert all(schemas["SpeechBody"]["properties"][name]["description"] for name in ours)
    assert schemas["SpeechBody"]["required"] == ["input"]
