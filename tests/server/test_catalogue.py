"""The lists of models and voices, and the errors for unknown names."""

from __future__ import annotations

import json

import httpx
import pytest

from tests.server.conftest import PATIENCE, Serve, Served
from tests.server.test_live import START, receive, send, talking
from tts_hub.testing import FakeBackend, FakeScript


def test_listing_voices_loads_no_engine(serve: Serve) -> None:
    heavy = FakeBackend(name="heavy", script=FakeScript(hold_load=True))
    with serve(heavy) as server:
        voices = httpx.get(f"{server.url}/v1/audio/voices", timeout=PATIENCE).json()["voices"]
        only = httpx.get(f"{server.url}/v1/audio/voices?model=heavy", timeout=PATIENCE).json()["voices"]
        states = {engine.name: engine.state for engine in server.status()}
    assert {voice["model"] for voice in voices} >= {"heavy", "espeak"}
    assert [voice["id"] for voice in only] == ["low", "mid", "high"]
    assert set(states.values()) == {"unloaded"}
    assert heavy.loads == 0


def test_listing_voices_is_no_use_that_keeps_an_engine_in_memory(serve: Serve) -> None:
    with serve(limits={"idle_unload": 0.4}) as server:
        server.speak()
        assert server.fake.loads == 1
        for _ in range(200):
            httpx.get(f"{server.url}/v1/audio/voices?model=fake")
            if server.fake.closes:
                return
    pytest.fail("the engine stayed loaded")


def test_an_unknown_model_is_answered_with_models_and_aliases(serve: Serve) -> None:
    with serve(aliases={"reader": "fake"}) as server:
        answers = [
            server.speak(model="raeder").json(),
            httpx.get(f"{server.url}/v1/models/raeder").json(),
            httpx.get(f"{server.url}/v1/audio/voices?model=raeder").json(),
        ]
        with talking(server) as socket:
            send(socket, START | {"model": "raeder"}, "Hello there. ")
            answers.append(receive(socket)[0][-1])
    for answer in answers:
        assert answer["error"]["code"] == "model_not_found"
        for name in ("did you mean 'reader'", "auto", "tts-1", "espeak", "fake"):
            assert name in answer["error"]["message"]


def test_an_alias_of_nothing_does_not_lead_back_to_itself(serve: Serve) -> None:
    with serve(aliases={"nothin": "nothing"}) as server:
        assert "did you mean" not in server.speak(model="nothin").json()["error"]["message"]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"speed": True}, "speed"),
        ({"speed": False}, "speed"),
        ({"seed": True}, "seed"),
        ({"sample_rate": True}, "sample_rate"),
        ({"options": {"gain": True}}, "options.gain"),
    ],
)
def test_true_is_no_number(server: Served, fields: dict[str, object], param: str) -> None:
    for path in ("/v1/audio/speech", "/v1/audio/speech/captions", "/dev/captioned_speech"):
        body = {"model": "fake", "input": "Hi."} | fields
        answer = httpx.post(server.url + path, json=body)
        assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
        assert "number" in answer.json()["error"]["message"]
    with talking(server) as socket:
        send(socket, START | fields, "Hello there, you. ")
        error = receive(socket)[0][-1]["error"]
    assert error["param"] == param, json.dumps(error)
