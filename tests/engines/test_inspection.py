"""The chunks of an engine are checked, and long ones are cut."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import anyio
import numpy as np
import pytest
from anyio.lowlevel import checkpoint

from tests.engines.hostile import HELLO, RATE, THERE, giving, hub, odd, speak, tone, word
from tts_hub import AudioChunk, Usage, WordTiming
from tts_hub.errors import GenerationError

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "chunk",
    [
        None,
        b"RIFF",
        tone(),
        odd(samples=tone().astype(np.float64)),
        odd(samples=[0.1, 0.2]),
        odd(samples=np.full(RATE, np.nan, np.float32)),
        odd(sample_rate=0),
        odd(sample_rate=True),
        odd(sample_rate=24_000.0),
        odd(sample_rate=192_001),
        odd(finish_reason="banana"),
        odd(finish_reason=[]),
        odd(retakes=("bored",)),
        odd(retakes=None),
        odd(estimated_words="yes"),
        odd(seed="42"),
        odd(seed=True),
        odd(words=None),
        odd(words=("Hello",)),
        odd(words=(THERE, HELLO)),
        odd(words=(HELLO, word("there", 1.0, 0.5, 6))),
        odd(words=(HELLO, word("there", 0.5, 90.0, 6))),
        odd(words=(word("Hello", "0", "1", 0),)),
        odd(words=(word("Hello", math.nan, math.nan, 0),)),
        odd(words=(word("hello", 0.0, 0.4, 0),)),
        odd(words=(WordTiming("Hello", 0.0, 0.4, (0.0, 5.0)),)),  # type: ignore[arg-type]
        odd(words=(WordTiming("Hello", 0.0, 0.4, None),)),  # type: ignore[arg-type]
        odd(usage={"characters": 3}),
        odd(usage=Usage(characters=-1)),
        odd(usage=Usage(characters=True)),
        odd(usage=Usage(credits=math.nan)),
        odd(usage=Usage(credits=math.inf)),
        odd(usage=Usage(audio_tokens="12")),  # type: ignore[arg-type]
        odd(usage=Usage(text_tokens=10**400)),
    ],
    ids=lambda chunk: repr(chunk)[-60:],
)
async def test_a_chunk_that_makes_no_sense_is_refused_with_the_engines_name(chunk: Any) -> None:
    async with hub(giving(chunk)) as manager:
        with pytest.raises(GenerationError, match="engine 'bad'"):
            await speak(manager)
        assert await speak(manager, "bad", fallback=["good"]) == "good"


@pytest.mark.parametrize(
    "words",
    [
        (HELLO, THERE),
        (word("Hello", -0.04, 0.4, 0), word("there", 0.5, 1.9, 6)),
        (word("Hello", 0.03, 0.4, 0), word("there", 0.0, 0.9, 6)),
        (HELLO, replace(HELLO, start=0.4), THERE),
    ],
)
async def test_words_that_are_off_by_a_little_are_taken(words: tuple[WordTiming, ...]) -> None:
    async with hub(giving(odd(words=words))) as manager:
        assert await speak(manager) == "bad"


async def test_a_long_chunk_is_handed_out_in_pieces_with_the_words_that_end_in_them() -> None:
    seconds, text = 60, "One two three four."
    starts = {"One": 0.2, "two": 10.9, "three": 31.0, "four": 59.0}
    words = tuple(word(name, start, start + 0.5, text.index(name)) for name, start in starts.items())
    whole = AudioChunk(tone(seconds), RATE, words, finish_reason="length", usage=Usage(characters=19))
    came: list[tuple[float, list[str]]] = []
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await checkpoint()

    async with hub(giving(whole)) as manager, anyio.create_task_group() as tasks:
        audio = await manager.generate(text, model="bad")
        tasks.start_soon(count_turns)
        position = 0.0
        async with audio:
            async for chunk in audio:
                position += chunk.seconds
                assert chunk.seconds < 2.0
                came.append((position, [timing.text for timing in chunk.words]))
        tasks.cancel_scope.cancel()
        assert position == pytest.approx(seconds, abs=0.1)
        assert turns >= seconds / 2, "the event loop stood still"
        assert audio.report.cut_segments == (0,)
        said = [(at, name) for at, names in came for name in names]
        assert [name for _, name in said] == list(starts)
        assert all(start < at < start + 3.0 for (at, name), start in zip(said, starts.values(), strict=True))


async def test_pieces_of_a_long_chunk_are_the_same_audio() -> None:
    samples = tone(7.3)
    whole, parts = AudioChunk(samples, RATE), [AudioChunk(p, RATE) for p in np.array_split(samples, 50)]
    heard = []
    for chunks in ([whole], parts):
        async with hub(giving(*chunks)) as manager, await manager.generate("Hi.", model="bad") as audio:
            heard.append(np.concatenate([chunk.samples async for chunk in audio]))
    assert np.array_equal(heard[0], heard[1])
