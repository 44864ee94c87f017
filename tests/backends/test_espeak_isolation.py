"""Requests that run at the same time do not change each other's audio."""

from __future__ import annotations

from contextlib import AsyncExitStack, aclosing

import anyio
import numpy as np
import pytest
from tts_hub_espeak import EspeakBackend, EspeakSettings
from tts_hub_espeak.engine import Engine

from tests.backends.espeak_audio import Spoken, request, speak

pytestmark = pytest.mark.anyio
TEXT = "Every voice of this choir sings its own line, and none of them mixes with another. " * 3
VOICES = [
    ("en-us", 1.0, 50),
    ("de", 1.4, 20),
    ("fr-fr", 0.7, 80),
    ("en-us+f3", 2.0, 50),
    ("es+m3", 1.0, 99),
    ("en-gb+whisper", 1.2, 50),
    ("ru", 0.9, 10),
    ("pt-br+Annie", 1.7, 50),
]


async def one(backend: EspeakBackend, number: int) -> Spoken:
    voice, speed, pitch = VOICES[number]
    return await speak(backend, TEXT, voice, speed=speed, options={"pitch": pitch})


async def alone(number: int) -> Spoken:
    """The audio of a freshly loaded engine: the library's noise and flutter differ from text to text."""
    backend = EspeakBackend(EspeakSettings(concurrency=1))
    try:
        return await one(backend, number)
    finally:
        await backend.aclose()


async def test_eight_at_once_are_what_each_is_alone() -> None:
    expected = [await alone(number) for number in range(8)]
    backend = EspeakBackend(EspeakSettings(concurrency=8))
    await backend.load()
    got: dict[int, Spoken] = {}

    async def run(number: int) -> None:
        got[number] = await one(backend, number)

    async with anyio.create_task_group() as tasks:
        for number in range(8):
            tasks.start_soon(run, number)
    await backend.aclose()
    for number in range(8):
        assert got[number].words == expected[number].words
        np.testing.assert_array_equal(got[number].samples, expected[number].samples)


async def test_many_requests_share_few_engines(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tts_hub_espeak.backend.SUSPENDABLE", 0)
    backend = EspeakBackend(EspeakSettings(concurrency=2))
    expected = [await one(backend, number) for number in range(8)]
    lengths: dict[int, list[float]] = {number: [] for number in range(8)}

    async def run(number: int) -> None:
        lengths[number].append((await one(backend, number)).seconds)

    async with anyio.create_task_group() as tasks:
        for number in list(range(8)) * 3:
            tasks.start_soon(run, number)
    await backend.aclose()
    for number in range(8):
        assert lengths[number] == pytest.approx([expected[number].seconds] * 3, rel=0.005)


async def test_paused_readers_keep_no_one_waiting_and_their_engines_go_afterwards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    closed: list[Engine] = []
    close = Engine.close

    def counted(self: Engine) -> None:
        closed.append(self)
        close(self)

    monkeypatch.setattr(Engine, "close", counted)
    monkeypatch.setattr("tts_hub_espeak.backend.MOST_IDLE", 2)
    backend = EspeakBackend(EspeakSettings(concurrency=2))
    async with AsyncExitStack() as paused:
        for _ in range(12):
            stream = backend.generate_stream(await request(backend, TEXT * 10))
            await paused.enter_async_context(aclosing(stream))
            await anext(stream)
        assert (await speak(backend, "Hello")).seconds > 0.3
        assert not closed
    assert len(closed) == 13 - 2
    await backend.aclose()
    assert len(closed) == 13
