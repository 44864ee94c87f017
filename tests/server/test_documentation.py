"""`/docs`: whole without any other machine, open to browsers also where keys are set."""

from __future__ import annotations

import re

import httpx
import pytest

from tests.server.conftest import Serve, Served
from tts_hub.server.guards import ALWAYS_OPEN


def linked(page: str) -> set[str]:
    return set(re.findall(r'(?:src|href|data-document)="([^"]+)"', page))


@pytest.mark.parametrize("path", ["/docs", "/docs/"])
def test_the_page_has_all_that_it_loads_from_here_without_a_key(serve: Serve, path: str) -> None:
    with serve(server={"api_keys": ["k"]}) as server, httpx.Client() as http:
        page = http.get(server.url + path)
        assert page.headers["content-type"] == "text/html; charset=utf-8"
        links = linked(page.text)
        assert len(links) == 5
        for link in links:
            answer = http.get(page.url.join(link))
            assert answer.status_code == 200
            assert len(answer.content) > 100
        assert {page.url.join(link).path for link in links} | {"/docs", "/health"} == ALWAYS_OPEN


def test_no_other_machine_is_named_in_the_page_or_allowed_by_its_policy(server: Served) -> None:
    page = httpx.get(f"{server.url}/docs")
    assert "//" not in page.text
    policy = page.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "http" not in policy
    assert "script-src 'self';" in policy
    assert not re.search(r"<script>|<script [^>]*>[^<]", page.text), "the policy allows no script in the page"


def test_the_document_takes_a_key_where_there_are_keys(serve: Serve, server: Served) -> None:
    with serve(server={"api_keys": ["k"]}) as locked:
        document = httpx.get(f"{locked.url}/openapi.json").json()
    assert document["components"]["securitySchemes"] == {"key": {"type": "http", "scheme": "bearer"}}
    assert document["security"] == [{"key": []}]
    assert "security" not in httpx.get(f"{server.url}/openapi.json").json()


def test_no_other_file_of_the_package_is_served(server: Served) -> None:
    assert httpx.get(f"{server.url}/docs/__init__.py").status_code == 404


def test_the_documentation_can_be_switched_off(serve: Serve) -> None:
    with serve(server={"docs": False}) as server:
        for path in ("/docs", "/docs/start.js", "/openapi.json"):
            assert httpx.get(server.url + path).status_code == 404
