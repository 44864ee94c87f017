"""Speech of espeak-ng: speed, pitch, options, SSML, levels, and requests that end early."""

from __future__ import annotations

import tracemalloc
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

import anyio
import numpy as np
import pytest
from tts_hub_espeak import EspeakBackend, EspeakSettings
from tts_hub_espeak.engine import Engine
from tts_hub_espeak.native import STATUS

from tests.backends.espeak_audio import fundamental, longest_silence, request, speak
from tests.waiting import WITHIN
from tts_hub import SpeechRequest, TTSBackendManager
from tts_hub.config import Config
from tts_hub.errors import GenerationError, NoAudioError, UnsupportedOptionError
from tts_hub.types import AudioChunk

pytestmark = pytest.mark.anyio
PARAGRAPH = (
    "The quick brown fox jumps over the lazy dog. Hello there, and welcome to the show; we are glad that "
    "you are here. It was the best of times. Nobody knew what would happen next! Did you expect it?"
)


@pytest.fixture
async def backend() -> AsyncGenerator[EspeakBackend, None]:
    engine = EspeakBackend()
    yield engine
    await engine.aclose()


@pytest.mark.parametrize("speed", [0.48, 0.7, 1.5, 2.0, 2.5])
async def test_duration_scales_with_speed(backend: EspeakBackend, speed: float) -> None:
    normal = await speak(backend, PARAGRAPH)
    changed = await speak(backend, PARAGRAPH, speed=speed)
    assert changed.seconds * speed / normal.seconds == pytest.approx(1, abs=0.08)


async def test_speed_out_of_range_is_refused(backend: EspeakBackend) -> None:
    with pytest.raises(UnsupportedOptionError, match=r"speed 3\.0"):
        await speak(backend, "Hello", speed=3.0)


async def test_pitch_option_moves_the_fundamental(backend: EspeakBackend) -> None:
    low, high = [
        fundamental((await speak(backend, PARAGRAPH, options={"pitch": pitch})).samples) for pitch in (10, 90)
    ]
    assert high > 1.5 * low


async def test_word_gap_is_in_seconds(backend: EspeakBackend) -> None:
    plain = await speak(backend, "one two three four")
    gaps = await speak(backend, "one two three four", options={"word_gap": 0.5})
    assert (gaps.seconds - plain.seconds) / 3 == pytest.approx(0.5, rel=0.1)


async def test_unknown_option_is_refused(backend: EspeakBackend) -> None:
    with pytest.raises(UnsupportedOptionError, match="wobble"):
        await speak(backend, "Hello", options={"wobble": 1})


async def test_ssml_break_adds_silence(backend: EspeakBackend) -> None:
    spoken = await speak(backend, "<speak>Hello <break time='1s'/> world</speak>", markup="ssml")
    assert longest_silence(spoken.samples) > 0.9


async def test_plain_text_does_not_read_markup(backend: EspeakBackend) -> None:
    spoken = await speak(backend, "Hello <break time='1s'/> world")
    assert "break" in "".join(word.text for word in spoken.words)


async def test_ssml_prosody_changes_rate_and_pitch(backend: EspeakBackend) -> None:
    plain = await speak(backend, f"<speak>{PARAGRAPH}</speak>", markup="ssml")
    text = f"<speak><prosody rate='x-slow' pitch='x-high'>{PARAGRAPH}</prosody></speak>"
    slow = await speak(backend, text, markup="ssml")
    assert slow.seconds > 1.4 * plain.seconds
    assert fundamental(slow.samples) > 1.05 * fundamental(plain.samples)


@pytest.mark.parametrize("voice", ["en-us", "de+f4", "en-us+robosoft3", "en-us+klatt5", "de+Annie"])
async def test_loud_prosody_does_not_clip(backend: EspeakBackend, voice: str) -> None:
    text = f"<speak><prosody volume='x-loud' pitch='x-high'>{PARAGRAPH}</prosody></speak>"
    spoken = await speak(backend, text, voice, markup="ssml", options={"pitch": 99})
    full = np.abs(spoken.samples) > 0.9999
    assert not (full[1:] & full[:-1]).any()


async def test_ssml_cannot_read_files(backend: EspeakBackend, tmp_path: Path) -> None:
    import wave  # a sound that would last ten seconds

    with wave.open(str(tmp_path / "secret.wav"), "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(22_050)
        sound.writeframes(b"\x00\x10" * 220_500)
    text = f"<speak><audio src='{tmp_path / 'secret.wav'}'>instead</audio></speak>"
    spoken = await speak(backend, text, markup="ssml")
    assert spoken.seconds < 3
    assert [word.text for word in spoken.words] == ["instead"]


async def test_unclosed_ssml_does_not_change_the_next_request() -> None:
    backend = EspeakBackend(EspeakSettings(concurrency=1))
    before = await speak(backend, PARAGRAPH)
    await speak(backend, "<speak><emphasis level='strong'><prosody rate='x-slow'>Hello", markup="ssml")
    after = await speak(backend, PARAGRAPH)
    await backend.aclose()
    assert np.abs(after.samples).mean() == pytest.approx(np.abs(before.samples).mean(), rel=0.05)
    assert after.seconds == pytest.approx(before.seconds, rel=0.01)


async def test_control_characters_are_no_commands(backend: EspeakBackend) -> None:
    plain = await speak(backend, "450S Hello world")
    hidden = await speak(backend, "\x01450S Hello world")
    assert hidden.seconds == pytest.approx(plain.seconds, rel=0.02)


async def test_letters_without_sound_are_an_error(
    backend: EspeakBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    def mute(self: Engine, text: bytes, parameters: object, on_audio: object, *, ssml: bool = False) -> None:
        """An engine that makes no sound."""

    monkeypatch.setattr(Engine, "speak", mute)
    with pytest.raises(NoAudioError, match="'Hello'"):
        await speak(backend, "Hello")
    with pytest.raises(NoAudioError, match=f"'{'long ' * 8}…'"):
        await speak(backend, "long " * 30)


async def test_failure_of_the_library_has_a_meaning(
    backend: EspeakBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    segment = await request(backend, "Hello")
    monkeypatch.setattr("tts_hub_espeak.voices.VoiceCatalogue.identifier", lambda self, voice: "no/such")
    with pytest.raises(GenerationError, match=STATUS[2]):
        async with aclosing(backend.generate_stream(segment)) as stream:
            await anext(stream)
    monkeypatch.undo()
    assert (await speak(backend, "Hello")).seconds > 0.3


async def test_chunks_are_few_and_the_first_is_small(backend: EspeakBackend) -> None:
    segment = await request(backend, PARAGRAPH)
    async with aclosing(backend.generate_stream(segment)) as stream:
        chunks: list[AudioChunk] = [chunk async for chunk in stream]
    assert chunks[0].seconds <= 0.07
    assert len(chunks) < 8 * sum(chunk.seconds for chunk in chunks)


@pytest.mark.parametrize("markup", ["text", "ssml"])
async def test_a_million_characters_start_at_once_in_flat_memory(backend: EspeakBackend, markup: str) -> None:
    text = "These are words, and more of them. " * 28_572
    segment = await request(backend, f"<speak>{text}</speak>" if markup == "ssml" else text, markup=markup)
    assert len(segment.text) >= 1_000_000
    tracemalloc.start()
    chunks = 0
    async with aclosing(backend.generate_stream(segment)) as stream:
        async for _ in stream:
            chunks += 1
            if chunks == 50:
                break
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8_000_000


@pytest.mark.parametrize("markup", ["text", "ssml"])
async def test_closing_early_stops_and_frees_the_engine(markup: str) -> None:
    backend = EspeakBackend(EspeakSettings(concurrency=1))
    whole = await speak(backend, PARAGRAPH)
    for _ in range(5):
        stream = backend.generate_stream(await request(backend, PARAGRAPH * 100, markup=markup))
        await anext(stream)
        with anyio.fail_after(WITHIN):
            await stream.aclose()
        assert (await speak(backend, PARAGRAPH)).seconds == pytest.approx(whole.seconds, rel=0.01)
    await backend.aclose()


async def test_cancelling_while_waiting_leaves_the_engine_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tts_hub_espeak.backend.SUSPENDABLE", 0)
    backend = EspeakBackend(EspeakSettings(concurrency=1))
    first = backend.generate_stream(await request(backend, PARAGRAPH * 100))
    await anext(first)
    with anyio.move_on_after(0.05) as scope:
        await speak(backend, "never spoken")
    assert scope.cancelled_caught
    await first.aclose()
    assert (await speak(backend, "Hello")).seconds > 0.3
    await backend.aclose()


async def test_a_slow_reader_holds_the_engine_back(backend: EspeakBackend) -> None:
    stream = backend.generate_stream(await request(backend, PARAGRAPH * 200))
    async with aclosing(stream):
        await anext(stream)
        tracemalloc.start()
        await anyio.sleep(0.2)
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert peak < 1_000_000


async def test_speaks_again_after_closing() -> None:
    backend = EspeakBackend()
    await speak(backend, "Hello")
    await backend.aclose()
    await backend.load()
    assert (await speak(backend, "Hello")).seconds > 0.3
    await backend.aclose()


async def test_a_long_word_is_spoken_to_its_end() -> None:
    """espeak-ng itself leaves out what is behind some 130 letters."""
    seconds = list[float]()
    async with TTSBackendManager(Config()) as hub:
        for count in (19, 38):
            text = f"Say {'banana' * count} now."
            async with await hub.generate(SpeechRequest(text, model="espeak")) as stream:
                seconds.append(sum([chunk.seconds async for chunk in stream]))
            assert [text[slice(*word.span)].strip(".") for word in stream.words] == text.strip(".").split()
    assert seconds[1] == pytest.approx(2 * seconds[0], rel=0.15)
