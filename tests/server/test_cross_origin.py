"""Web pages of other origins: which may use the server, and what the others get."""

from __future__ import annotations

import httpx
import pytest

from tests.server.conftest import Serve, Served
from tests.server.test_errors import is_envelope

ORIGIN = "https://chat.example.org"


def preflight(server: Served, origin: str = ORIGIN, method: str = "POST") -> httpx.Response:
    headers = {"origin": origin, "access-control-request-method": method}
    return httpx.options(f"{server.url}/v1/audio/speech", headers=headers)


def test_a_refused_preflight_names_the_setting(server: Served, caplog: pytest.LogCaptureFixture) -> None:
    answer = preflight(server)
    assert answer.status_code == 403
    assert is_envelope(answer)
    assert not [name for name in answer.headers if name.startswith("access-control-")]
    assert f'set server.cors_origins = ["{ORIGIN}"]' in answer.json()["error"]["message"]
    assert f'set server.cors_origins = ["{ORIGIN}"]' in caplog.text
    caplog.clear()
    preflight(server)
    assert not caplog.records, "once is enough"


def test_a_preflight_is_refused_where_only_other_origins_are_allowed(serve: Serve) -> None:
    with serve(server={"cors_origins": ["https://other.example"]}) as server:
        answer = preflight(server)
        assert (answer.status_code, answer.json()["error"]["code"]) == (403, "origin_not_allowed")
        assert preflight(server, "https://other.example").status_code == 200


@pytest.mark.parametrize("written", [f"{ORIGIN}/", "HTTPS://Chat.Example.org", f" {ORIGIN} "])
def test_an_origin_may_be_written_as_it_is_copied(serve: Serve, written: str) -> None:
    with serve(server={"cors_origins": [written]}) as server:
        answer = preflight(server)
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, ORIGIN)


def test_a_method_that_pages_may_not_use_is_refused(serve: Serve) -> None:
    with serve(server={"cors_origins": [ORIGIN]}) as server:
        answer = preflight(server, method="DELETE")
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "method_not_supported")


def test_a_page_may_read_when_to_come_back(serve: Serve) -> None:
    with serve(server={"cors_origins": [ORIGIN]}) as server:
        answer = httpx.get(f"{server.url}/v1/models", headers={"origin": ORIGIN})
    readable = answer.headers["access-control-expose-headers"].lower()
    assert all(name in readable for name in ("x-request-id", "retry-after"))
