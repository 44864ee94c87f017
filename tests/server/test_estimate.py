"""Costs over HTTP: estimated before, refused over a budget, counted in the metrics."""

from __future__ import annotations

import json

import httpx

from tests.server.conftest import Serve, Served
from tts_hub.cost.pricing import Price
from tts_hub.testing import FakeBackend

TEXT = "Hello there."
PRICE = Price(per_million_characters=1_000_000.0, source="a page")


def get(server: Served, **query: str) -> httpx.Response:
    with httpx.Client(base_url=server.url, trust_env=False) as client:
        return client.get("/v1/audio/estimate", params=query)


def test_an_estimate_by_query_and_by_body(serve: Serve) -> None:
    with serve(FakeBackend(name="paid", price=PRICE)) as server:
        found = get(server, input=TEXT, model="paid").json()
        assert (found["backend"], found["cost"], found["price_source"]) == ("paid", 12.0, "a page")
        with httpx.Client(base_url=server.url, trust_env=False) as client:
            again = client.post("/v1/audio/estimate", json={"input": TEXT, "model": "paid"}).json()
        assert again == found
        assert get(server, input=TEXT, model="fake").json()["cost"] == 0


def test_an_impossible_estimate_is_the_same_error_as_for_speech(serve: Serve) -> None:
    with serve() as server:
        assert get(server, model="fake").status_code == 400
        assert get(server, input=TEXT, model="nobody").json()["error"]["code"] == "model_not_found"
        with httpx.Client(base_url=server.url, trust_env=False) as client:
            assert client.post("/v1/audio/estimate", json={"input": "x" * 100_001}).status_code == 413


def test_an_estimate_needs_the_key_that_speech_needs(serve: Serve) -> None:
    with serve(server={"api_keys": ["k" * 24]}) as server:
        assert get(server, input=TEXT).status_code == 401


def test_a_request_over_the_budget_is_402_and_not_sent_again(serve: Serve) -> None:
    with serve(FakeBackend(name="paid", price=PRICE), budget={"per_request": 5}) as server:
        refused = server.speak(TEXT, model="paid")
        assert refused.status_code == 402
        assert refused.json()["error"]["code"] == "budget_exceeded"
        assert refused.headers["x-should-retry"] == "false"
        assert server.speak("Hi.", model="paid").status_code == 200


def test_costs_are_counted_and_sent_with_captions(serve: Serve) -> None:
    with serve(FakeBackend(name="paid", price=PRICE)) as server:
        with httpx.Client(base_url=server.url, trust_env=False) as client:
            lines = client.post("/v1/audio/speech/captions", json={"input": TEXT, "model": "paid"}).text
        done = json.loads(lines.splitlines()[-1])["done"]
        assert (done["cost"], done["cost_estimated"]) == (12.0, True)
        assert server.metric("tts_cost_dollars_total", backend="paid", model="paid") == 12.0
