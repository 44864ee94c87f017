"""A tts-hub server as the service of another hub: equal audio, words on the text, typed errors."""

from __future__ import annotations

import json
from collections.abc import Generator, Mapping
from itertools import pairwise

import anyio
import httpx
import numpy as np
import pytest
from tts_hub_remote.decoding import from_s16le

from tests.remote.speaking import engine, joined, spoken
from tests.server.conftest import Served, served
from tts_hub import TTSBackendManager
from tts_hub.config import parse_config
from tts_hub.errors import (
    BackendUnavailableError,
    UnknownModelError,
    UnknownVoiceError,
    UnsupportedLanguageError,
)
from tts_hub.progress import ProgressEvent
from tts_hub.testing import FakeScript

pytestmark = pytest.mark.anyio
TEXT = "The quick brown fox jumps over 42 lazy dogs, “they say”. Then it sleeps."


KEY = "k" * 24


@pytest.fixture(scope="module")
def shared_upstream() -> Generator[Served, None, None]:
    """A server without levelling: a second request would begin at the level where the first one ended."""
    with served(audio={"loudness": "off"}) as server:
        yield server


@pytest.fixture
def locked() -> Generator[Served, None, None]:
    with served(server={"api_keys": [KEY], "public_catalogue": False}) as server:
        yield server


@pytest.fixture
def upstream(shared_upstream: Served) -> Generator[Served, None, None]:
    yield shared_upstream
    shared_upstream.fake.script = FakeScript()
    shared_upstream.until_free()


def hub_on(upstream: Served, **remote: object) -> TTSBackendManager:
    """A hub whose engine `box` is the other hub."""
    box = {"kind": "openai", "url": upstream.url} | remote
    return TTSBackendManager(parse_config({"remote": {"box": box}}))


async def asked(upstream: Served, path: str, body: Mapping[str, object]) -> httpx.Response:
    """The upstream's own answer."""
    async with httpx.AsyncClient(base_url=upstream.url, trust_env=False) as client:
        return await client.post(path, json=body)


async def test_the_audio_is_that_of_the_upstream_to_the_sample(upstream: Served) -> None:
    wanted = {"model": "fake", "input": TEXT, "response_format": "pcm", "voice": "high"}
    direct = await asked(upstream, "/v1/audio/speech", wanted)
    chunks = await spoken(engine(upstream.url), TEXT, model="openai/fake", voice="high")
    assert np.array_equal(joined(chunks), from_s16le(direct.content))
    assert len(chunks) > 3


async def test_words_keep_their_places_and_times(upstream: Served) -> None:
    wanted = {"model": "espeak", "input": TEXT, "response_format": "pcm"}
    lines = await asked(upstream, "/v1/audio/speech/captions", wanted)
    direct = [word for line in lines.text.splitlines() for word in json.loads(line).get("words", [])]
    chunks = await spoken(engine(upstream.url), TEXT, model="openai/espeak", voice="en-us")
    words = [word for chunk in chunks for word in chunk.words]
    assert [(w.text, list(w.span)) for w in words] == [(w["text"], w["span"]) for w in direct]
    assert [w.start for w in words] == pytest.approx([w["start"] for w in direct], abs=0.03)


async def test_through_both_hubs_words_stand_on_the_text(upstream: Served) -> None:
    async with hub_on(upstream) as manager:
        audio = await manager.generate(TEXT, model="box/espeak")
        async with audio:
            seconds = sum([chunk.seconds async for chunk in audio])
        words, report = audio.words, audio.report
    beginning = ["The", "quick", "brown", "fox", "jumps", "over", "42", "lazy", "dogs"]
    assert [word.text for word in words][:9] == beginning
    assert all(TEXT[slice(*word.span)] == word.text for word in words)
    assert all(one.end <= two.start + 0.02 for one, two in pairwise(words))
    assert words[-1].end <= seconds
    assert (report.backend, report.model, report.complete) == ("box", "box/espeak", True)
    assert not report.estimated_segments


async def test_a_box_has_the_models_and_voices_of_the_upstream(upstream: Served) -> None:
    async with hub_on(upstream) as manager:
        await manager.preload("box")
        models = next(engine.models for engine in manager.status() if engine.name == "box")
        voices = {voice.id for voice in (await manager.voices("box"))["box"]}
    assert {"box", "box/auto", "box/fake", "box/espeak"} <= set(models)
    assert {"en-us", "high", "low"} <= voices


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"model": "openai/nobody"}, UnknownModelError),
        ({"model": "openai/fake", "voice": "de"}, UnknownVoiceError),
        ({"model": "openai/fake", "voice": "low", "language": "xx"}, UnsupportedLanguageError),
    ],
)
async def test_what_the_upstream_refuses_is_refused_by_name(
    upstream: Served, fields: dict[str, str], kind: type[Exception]
) -> None:
    with pytest.raises(kind):
        await spoken(engine(upstream.url), TEXT, **fields)


async def test_an_upstream_that_dies_mid_sentence_hands_over_at_that_sentence(upstream: Served) -> None:
    upstream.script.fail_at = {0: 2}
    text = "The first one breaks in the middle. The second one follows."
    events: list[ProgressEvent] = []
    async with hub_on(upstream) as manager:
        audio = await manager.generate(text, model="box/fake", fallback=["espeak"], on_progress=events.append)
        async with audio:
            async for _ in audio:
                pass
    report = audio.report
    assert report.complete
    assert report.backend == "espeak"
    assert [(change.failed, change.position) for change in report.fallbacks] == [("box", 0)]
    last_words = [word.text for word in audio.words][-11:]
    assert last_words == text.replace(".", "").split()[-11:]
    assert [event.stage for event in events].count("fallback") == 1


async def test_keys_of_the_upstream_are_needed(locked: Served) -> None:
    assert await spoken(engine(locked.url, api_key=KEY), TEXT, model="openai/fake")
    with pytest.raises(BackendUnavailableError, match="401"):
        await spoken(engine(locked.url), TEXT, model="openai/fake")


async def test_fifty_streams_at_once_are_all_right(upstream: Served) -> None:
    alone = joined(await spoken(engine(upstream.url), TEXT, model="openai/fake", voice="low"))
    backend = engine(upstream.url)
    right = []

    async def speak() -> None:
        received = joined(await spoken(backend, TEXT, model="openai/fake", voice="low"))
        right.append(np.array_equal(received, alone))

    async with anyio.create_task_group() as tasks:
        for _ in range(50):
            tasks.start_soon(speak)
    assert right == [True] * 50
