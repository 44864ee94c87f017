"""Progress between the lines of captioned speech: in time, and without an engine's own words."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Iterator
from types import MappingProxyType
from typing import Any

import anyio
import httpx
import numpy as np
import pytest

from tests.server.conftest import PATIENCE, Serve, Served
from tts_hub import AudioChunk, SegmentRequest
from tts_hub.errors import GenerationError
from tts_hub.progress import ProgressCallback, ProgressEvent, ignore
from tts_hub.testing import FakeBackend, FakeScript

TEXT = "Good morning, dear listeners. Here is the news of the day."
PATH = "/v1/audio/speech/captions"


def spoken(server: Served, **fields: Any) -> list[dict[str, Any]]:
    """All lines of an answer."""
    body = {"model": "fake", "input": TEXT, "progress": True, "response_format": "pcm"} | fields
    answer = httpx.post(server.url + PATH, json=body, timeout=PATIENCE)
    assert answer.status_code == 200, answer.text
    return [json.loads(line) for line in answer.text.splitlines()]


def events(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line["progress"] for line in lines if "progress" in line]


class Chatty(FakeBackend):
    """An engine that reports a step in the middle of a segment, and then hangs."""

    async def generate_stream(
        self, request: SegmentRequest, on_progress: ProgressCallback = ignore
    ) -> AsyncGenerator[AudioChunk, None]:
        yield AudioChunk(np.sin(np.arange(48_000) / 20).astype(np.float32), 24_000)
        odd = {"tokens": 7, "file": "/home/secret", "rate": np.float32(0.5), "nan": np.nan, "all": {1}}
        event = ProgressEvent("generating", self.name, "reading /home/secret", details=MappingProxyType(odd))
        on_progress(event)
        await anyio.sleep_forever()


def lines_of(response: httpx.Response) -> Iterator[dict[str, Any]]:
    return (json.loads(line) for line in response.iter_lines())


def test_a_step_is_sent_as_it_happens(serve: Serve) -> None:
    """The engine gives no more audio until the reader leaves, and the step has reached the reader by then."""
    with serve(Chatty(name="chatty")) as server:
        body = {"model": "chatty", "input": TEXT, "progress": True, "response_format": "pcm"}
        with httpx.stream("POST", server.url + PATH, json=body, timeout=PATIENCE) as response:
            step = next(event for event in lines_of(response) if _stage(event) == "generating")
        server.until_free()
    assert step["progress"]["details"] == {"tokens": 7}
    assert "secret" not in json.dumps(step)


def _stage(line: dict[str, Any]) -> str | None:
    stage: str | None = line.get("progress", {}).get("stage")
    return stage


def test_steps_before_the_first_audio_come_first_and_the_end_is_sent(server: Served) -> None:
    lines = spoken(server)
    stages = [_stage(line) or next(iter(line)) for line in lines]
    assert stages[0] == "queued"
    assert stages.index("first_audio") < stages.index("audio")
    assert stages[-1] == "done"
    assert [event["segment"] for event in events(lines) if event["stage"] == "segment"] == [0, 1]
    assert next(event for event in events(lines) if event["stage"] == "finished")["fraction"] == 1.0


def test_progress_is_sent_only_on_request(server: Served) -> None:
    assert not events(spoken(server, progress=False))


def test_a_refusal_is_an_ordinary_one(server: Served) -> None:
    body = {"model": "fake", "input": TEXT, "voice": "nobody", "progress": True}
    answer = httpx.post(server.url + PATH, json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "voice")


def test_a_change_of_engine_is_sent_without_the_engines_words(serve: Serve) -> None:
    script = FakeScript(fail_at={1: 1}, error=GenerationError("secret words", backend="fake"))
    with serve(FakeBackend(name="spare"), script=script) as server:
        lines = spoken(server, fallback=["spare"])
    assert "secret" not in json.dumps(lines)
    change = next(event for event in events(lines) if event["stage"] == "fallback")
    assert "another engine" in change["message"]
    assert lines[-1]["done"]["fallbacks"][0]["continued"] == "spare"


def test_steps_before_a_failure_come_before_it(server: Served) -> None:
    server.fake.script = FakeScript(fail_at={1: 5})
    body = {"model": "fake", "input": TEXT, "progress": True, "response_format": "pcm"}
    found: list[dict[str, Any]] = []
    with (
        pytest.raises(httpx.RemoteProtocolError),
        httpx.stream("POST", server.url + PATH, json=body, timeout=PATIENCE) as response,
    ):
        found.extend(lines_of(response))
    assert "segment" in {_stage(line) for line in found}
    assert found[-1]["error"]["code"] == "generation_failed"


def test_the_last_line_has_the_report(server: Served) -> None:
    server.fake.script = FakeScript(drawn_seed=5)
    done = spoken(server, progress=False)[-1]["done"]
    assert (done["model"], done["language"], done["segments"]) == ("fake", "en-US", 2)
    assert (done["seed"], done["cut_segments"], done["watermarked"]) == (5, [], False)
    assert 0 < done["first_audio_seconds"] <= done["elapsed_seconds"]
    assert done["generation_seconds"] > 0
