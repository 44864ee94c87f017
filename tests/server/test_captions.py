"""Audio with word timings: our lines of JSON, and Kokoro-FastAPI's shape."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncGenerator
from typing import Any

import httpx
import numpy as np
import pytest

from tests.audio.decoding import decode, decode_s16le
from tests.server.conftest import PATIENCE, Serve, Served, connected, raw_request, wait_for
from tts_hub import AudioChunk, SegmentRequest, WordTiming
from tts_hub.progress import ProgressCallback, ignore
from tts_hub.testing import FakeBackend, FakeScript

TEXT = "Good morning, dear listeners."


def captioned(server: Served, path: str = "/v1/audio/speech/captions", **fields: Any) -> httpx.Response:
    body = {"model": "fake", "input": TEXT} | fields
    return httpx.post(server.url + path, json=body, timeout=PATIENCE)


def lines(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


@pytest.mark.parametrize("model", ["fake", "espeak"])
def test_lines_have_audio_and_the_words_of_the_text(server: Served, model: str) -> None:
    answer = captioned(server, model=model, response_format="wav")
    assert answer.headers["content-type"] == "application/x-ndjson"
    *parts, last = lines(answer.text)
    samples, rate = decode(b"".join(base64.b64decode(part["audio"]) for part in parts))
    words = [word for part in parts for word in part["words"]]
    assert [TEXT[slice(*word["span"])] for word in words] == [word["text"] for word in words]
    assert words[0]["text"].startswith("Good")
    assert words[-1]["end"] <= len(samples) / rate + 0.05
    done = last["done"]
    assert (done["media_type"], done["sample_rate"], done["backend"]) == ("audio/wav", 24_000, model)
    assert done["audio_seconds"] == pytest.approx(len(samples) / rate, abs=0.01)
    assert done["usage"]["total_tokens"] > 0


def test_a_failure_after_the_start_is_the_last_line(server: Served) -> None:
    server.fake.script = FakeScript(fail_at={0: 5})
    body = {"model": "fake", "input": TEXT * 4, "response_format": "pcm"}
    text = ""
    url = f"{server.url}/v1/audio/speech/captions"
    with httpx.stream("POST", url, json=body) as response, pytest.raises(httpx.RemoteProtocolError):
        for part in response.iter_text():
            text += part
    *parts, last = lines(text)
    assert parts[0]["audio"]
    assert last["error"]["code"] == "generation_failed"


class LateWords(FakeBackend):
    """An engine that gives its words at the end, without audio."""

    async def generate_stream(
        self, request: SegmentRequest, on_progress: ProgressCallback = ignore
    ) -> AsyncGenerator[AudioChunk, None]:
        sound = np.sin(np.arange(24_000) / 20).astype(np.float32)
        yield AudioChunk(sound, 24_000)
        yield AudioChunk(sound[:0], 24_000, (WordTiming(request.text, 0.0, 1.0, (0, len(request.text))),))


@pytest.mark.parametrize("path", ["/v1/audio/speech/captions", "/dev/captioned_speech"])
def test_words_that_come_after_the_last_audio_are_sent(serve: Serve, path: str) -> None:
    plain = {"loudness": "off", "trim_silence": False}
    with serve(LateWords(name="late"), audio=plain) as server:
        answer = captioned(server, path, model="late", response_format="pcm")
    words = [
        word for line in lines(answer.text) for word in line.get("words") or line.get("timestamps") or []
    ]
    assert len(words) == 1


def test_kokoros_shape_as_one_object(server: Served) -> None:
    answer = captioned(server, "/dev/captioned_speech", stream=False, response_format="wav").json()
    assert set(answer) == {"audio", "audio_format", "timestamps"}
    assert answer["audio_format"] == "audio/wav"
    assert len(decode(base64.b64decode(answer["audio"]))[0])
    assert [set(word) for word in answer["timestamps"]] == [{"word", "start_time", "end_time"}] * 4


def test_kokoros_shape_in_lines(server: Served) -> None:
    answer = captioned(server, "/dev/captioned_speech", response_format="pcm", lang_code="en-US")
    parts = lines(answer.text)
    assert len(decode_s16le(b"".join(base64.b64decode(part["audio"]) for part in parts))) > 20_000
    words = [word["word"] for part in parts for word in part["timestamps"]]
    assert words == ["Good", "morning,", "dear", "listeners."]
    assert server.fake.requests[-1].language == "en-US"


def test_kokoros_clients_can_do_without_timestamps(server: Served) -> None:
    answer = captioned(server, "/dev/captioned_speech", stream=False, return_timestamps=False)
    assert answer.json()["timestamps"] is None


def test_a_client_that_hangs_up_on_the_single_object_frees_the_engine(server: Served) -> None:
    server.fake.script = FakeScript(hold_at=5)
    body = json.dumps({"model": "fake", "input": TEXT * 9, "stream": False}).encode()
    with connected(server) as connection:
        connection.sendall(raw_request(body, "Host: localhost", path="/dev/captioned_speech"))
        wait_for(lambda: server.fake.active > 0)
    server.until_free()


def test_a_failure_in_the_middle_of_the_single_object_is_an_ordinary_answer(server: Served) -> None:
    server.fake.script = FakeScript(fail_at={0: 5})
    before = server.metric("tts_errors_total", kind="generation_failed")
    answer = captioned(server, "/dev/captioned_speech", stream=False)
    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "generation_failed")
    assert server.metric("tts_errors_total", kind="generation_failed") == before + 1


def test_the_single_object_has_a_finished_file_in_it(server: Served) -> None:
    answer = captioned(server, "/dev/captioned_speech", stream=False, response_format="wav")
    audio = base64.b64decode(answer.json()["audio"])
    assert int.from_bytes(audio[40:44], "little") == len(audio) - 44


def test_the_last_line_has_the_seed_and_the_retakes(server: Served) -> None:
    server.fake.script = FakeScript(drawn_seed=7, retakes={0: ("endless", "silence")})
    done = lines(captioned(server, "/v1/audio/speech/captions").text)[-1]["done"]
    assert done["seed"] == 7
    assert [retake["reason"] for retake in done["retakes"]] == ["endless", "silence"]
    assert {retake["segment"] for retake in done["retakes"]} == {0}


def test_kokoros_names_work_without_kokoro(server: Served) -> None:
    fields = {"model": "kokoro", "voice": "bf_emma", "response_format": "wav"}
    for stream in (True, False):
        answer = captioned(server, "/dev/captioned_speech", stream=stream, **fields)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == ("application/x-ndjson" if stream else "application/json")
        parts = lines(answer.text)
        assert parts[0]["audio_format"] == "audio/wav"
        assert next(word["word"] for part in parts for word in part["timestamps"]) == "Good"
        samples, rate = decode(b"".join(base64.b64decode(part["audio"]) for part in parts))
        assert len(samples) / rate > 0.5
    assert captioned(server, "/dev/captioned_speech", lang_code="a", model="espeak").status_code == 200
