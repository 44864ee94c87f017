"""Emotions over HTTP: made, tried, used by name by any client; finished speech is fetched with ranges."""

from __future__ import annotations

import os
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import httpx
import pytest
from openai import OpenAI

from tests.server.conftest import Serve, Served
from tests.store.clips import clip
from tts_hub.emotions.lowering import Lowering, Scale
from tts_hub.testing import FakeBackend
from tts_hub.types import Capabilities

TABLE = Lowering(styles={"happy": {"gain": 0.9}}, exaggeration=(Scale("gain", ((0, 0.2), (1, 1.0))),))


@pytest.fixture
def home(serve: Serve) -> Generator[Served, None, None]:
    """A server with an engine that has emotions, in a home of its own."""
    capabilities = Capabilities(cloning=True, seed=True)
    engine = FakeBackend(name="lively", priority=20, capabilities=capabilities, lowering=TABLE)
    with serve(engine) as server:
        yield server


@pytest.fixture
def http(home: Served) -> Generator[httpx.Client, None, None]:
    with httpx.Client(base_url=home.url, trust_env=False, timeout=60) as client:
        yield client


def lively(home: Served) -> FakeBackend:
    backend = home.manager.registry.find("lively").instance
    assert isinstance(backend, FakeBackend)
    return backend


def test_an_emotion_is_made_changed_removed_and_restored(http: httpx.Client) -> None:
    body = {
        "name": "glad",
        "character": "low",
        "style": "happy",
        "exaggeration": 0.7,
        "speed": 1.1,
        "seed": 5,
    }
    made = http.post("/emotions", json=body).json()
    assert {name: made[name] for name in body} == body
    assert made["full_name"] == "low:glad"
    for name in (made["id"], "low:glad", "LOW:GLAD"):
        assert http.get(f"/emotions/{name}").json() == made
    changed = http.put("/emotions/low:glad", json={"name": "merry", "description": "x"}).json()
    assert (changed["id"], changed["full_name"], changed["style"], changed["seed"]) == (
        made["id"], "merry", None, None
    )  # fmt: skip
    assert http.delete("/emotions/merry").json()["deleted"]
    assert http.get("/emotions/merry").status_code == 404
    assert http.get("/emotions").json()["data"] == []
    assert [e["id"] for e in http.get("/emotions", params={"removed": True}).json()["data"]] == [made["id"]]
    assert http.post(f"/emotions/{made['id']}/restore").json()["name"] == "merry"


def test_a_plain_client_uses_it_by_name(home: Served, http: httpx.Client) -> None:
    http.post("/emotions", json={"name": "excited", "character": "high", "style": "happy", "seed": 9})
    openai = OpenAI(base_url=f"{home.url}/v1", api_key="none")
    openai.audio.speech.create(model="lively", voice="high:excited", input="Hello.")
    request = lively(home).requests[-1]
    assert (request.voice.id, request.options, request.seed) == ("high", {"gain": 0.9}, 9)


def test_what_the_engine_cannot_do_is_in_the_answer(http: httpx.Client) -> None:
    http.post("/emotions", json={"name": "sad", "style": "sad", "instructions": "Slowly."})
    speech = http.post("/v1/audio/speech", json={"input": "Hello.", "model": "fake", "emotion": "sad"})
    assert speech.headers["tts-hub-ignored"] == "emotion.style, emotion.instructions"
    made = http.post("/generate", json={"text": "Hello.", "model": "fake", "emotion": "sad"}).json()
    assert made["ignored"] == ["emotion.style", "emotion.instructions"]
    plain = http.post("/v1/audio/speech", json={"input": "Hello.", "model": "fake"})
    assert "tts-hub-ignored" not in plain.headers


def test_a_profile_is_heard(home: Served, http: httpx.Client) -> None:
    http.post("/emotions", json={"name": "glad", "character": "mid", "style": "happy"})
    answer = http.post("/emotions/mid:glad/test", json={"text": "Hello there.", "model": "lively"})
    assert answer.headers["content-type"] == "audio/mpeg"
    assert len(answer.content) > 1_000
    assert lively(home).requests[-1].voice.id == "mid"
    assert lively(home).requests[-1].options == {"gain": 0.9}


def test_recordings_of_an_emotion(home: Served, http: httpx.Client) -> None:
    http.post("/emotions", json={"name": "glad"})
    files = {"audio_sample": ("glad.webm", clip(), "audio/webm")}
    made = http.post("/emotions/glad/voices", files=files, data={"transcript": "Ha!"}).json()
    (sample,) = made["samples"]
    assert (sample["origin"], sample["transcript"]) == ("glad.webm", "Ha!")
    assert http.get(f"/emotions/glad/voices/{sample['id']}").content.startswith(b"fLaC")
    http.post("/v1/audio/speech", json={"input": "Hello.", "model": "lively", "voice": "low:glad"})
    assert lively(home).requests[-1].voice.samples
    assert http.delete(f"/emotions/glad/voices/{sample['id']}").json()["samples"] == []


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "a:b"}, "name"),
        ({"name": "a", "exaggeration": 1.5}, "exaggeration"),
        ({"name": "a", "style": "bored"}, "style"),
        ({"name": "a", "character": "../x"}, "character"),
        ({"name": "a", "unknown": 1}, "unknown"),
    ],
)
def test_wrong_profiles_are_refused(http: httpx.Client, body: dict[str, Any], param: str) -> None:
    answer = http.post("/emotions", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert http.get("/emotions").json()["data"] == []


def test_two_profiles_cannot_have_one_name(http: httpx.Client) -> None:
    http.post("/emotions", json={"name": "glad"})
    assert http.post("/emotions", json={"name": "GLAD"}).status_code == 409


# --- generate ---


def test_speech_is_generated_into_a_file_that_is_fetched_in_ranges(home: Served, http: httpx.Client) -> None:
    http.post("/emotions", json={"name": "glad", "style": "happy"})
    body = {"text": "One two three.", "emotion": "glad", "voice": "low", "model": "lively"}
    made = http.post("/generate", json=body | {"response_format": "wav"}).json()
    assert (made["emotion"], made["voice"], made["media_type"]) == ("glad", "low", "audio/wav")
    whole = http.get(made["audio_url"])
    assert whole.headers["accept-ranges"] == "bytes"
    assert len(whole.content) == 44 + 2 * round(made["seconds"] * 24_000)
    part = http.get(made["audio_url"], headers={"Range": "bytes=8-11"})
    assert (part.status_code, part.content) == (206, b"WAVE")
    beyond = http.get(made["audio_url"], headers={"Range": "bytes=99999999-"})
    assert beyond.status_code == 416


def test_settings_count_more_than_the_profile(home: Served, http: httpx.Client) -> None:
    http.post("/emotions", json={"name": "glad", "exaggeration": 1})
    body = {"text": "Hello.", "model": "lively", "emotion": "glad", "settings": {"exaggeration": 0}}
    assert http.post("/generate", json=body).status_code == 200
    assert lively(home).requests[-1].options == {"gain": 0.2}
    bad = http.post("/generate", json=body | {"settings": {"exaggeration": 2}})
    assert (bad.status_code, bad.json()["error"]["param"]) == (400, "emotion_settings.exaggeration")


def test_speech_is_streamed_when_it_is_asked_for(http: httpx.Client) -> None:
    answer = http.post("/generate", json={"text": "Hello.", "model": "lively", "stream": True})
    assert answer.headers["content-type"] == "audio/mpeg"
    assert answer.content


@pytest.mark.parametrize("name", ["x", "../config.toml", "..%2Fx", "speech-0.mp3", f"speech-{'0' * 32}.mp3"])
def test_only_files_of_our_own_are_fetched(http: httpx.Client, name: str) -> None:
    assert http.get(f"/outputs/{name}").status_code == 404


def test_a_failure_leaves_no_file(http: httpx.Client, away_from_home: Path) -> None:
    answer = http.post("/generate", json={"text": "Hello.", "emotion": "nobody"})
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "emotion")
    assert not list(away_from_home.rglob("speech-*"))


def test_output_is_kept_for_a_while_and_up_to_a_size(serve: Serve, away_from_home: Path) -> None:
    with serve(server={"output_megabytes": 1}) as server, httpx.Client(base_url=server.url) as http:

        def made() -> str:
            body = {"text": "word " * 25, "model": "fake", "response_format": "wav"}
            name: str = http.post("/generate", json=body).json()["filename"]
            return name

        first, second, third = made(), made(), made()
        (folder,) = {path.parent for path in away_from_home.rglob("speech-*")}
        assert {path.name for path in folder.iterdir()} == {second, third}
        assert http.get(f"/outputs/{first}").status_code == 404
        old = time.time() - 25 * 3_600
        os.utime(folder / second, (old, old))
        assert http.get(f"/outputs/{second}").status_code == 404
        made()
        assert not (folder / second).exists()
