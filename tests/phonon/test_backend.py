"""The engine on a tiny checkpoint with random weights, spoken by the package itself."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest
from tts_hub_phonon import PhononBackend, PhononSettings

from tests.phonon.tiny import FRAME, RATE, write_checkpoint, write_voice
from tests.waiting import WITHIN
from tts_hub import SpeechRequest, TTSBackendManager
from tts_hub.backend import TTSBackend
from tts_hub.config import Config
from tts_hub.errors import (
    BackendUnavailableError,
    UnknownVoiceError,
    UnsupportedLanguageError,
    UnsupportedOptionError,
)
from tts_hub.testing.contract import BackendContract
from tts_hub.types import AudioChunk, SegmentRequest

pytestmark = pytest.mark.anyio
TEXT = "Good morning."


class TestPhononBackend(BackendContract):
    two_voices = ("anna", "ben")

    @pytest.fixture(autouse=True)
    def _folder(self, folder: Path) -> None:
        self.folder = folder

    def make_backend(self) -> TTSBackend:
        return PhononBackend(PhononSettings(model_path=self.folder))


async def request_of(backend: PhononBackend, text: str = TEXT, **fields: Any) -> SegmentRequest:
    voice = await backend.find_voice(fields.pop("voice", None), None)
    seed = fields.pop("seed", 1)
    return SegmentRequest(text=text, voice=voice, model="phonon", seed=seed, request_id="r1", **fields)


async def spoken(backend: PhononBackend, text: str = TEXT, **fields: Any) -> list[AudioChunk]:
    async with aclosing(backend.generate_stream(await request_of(backend, text, **fields))) as chunks:
        return [chunk async for chunk in chunks]


def joined(chunks: Sequence[AudioChunk]) -> np.ndarray[Any, Any]:
    return np.concatenate([chunk.samples for chunk in chunks])


def write_clip(file: Path, seconds: float) -> Path:
    import wave

    tone = 0.3 * np.sin(2 * np.pi * 150 * np.arange(int(seconds * 16_000)) / 16_000)
    with wave.open(str(file), "wb") as opened:
        opened.setnchannels(1)
        opened.setsampwidth(2)
        opened.setframerate(16_000)
        opened.writeframes((tone * 32767).astype("<i2").tobytes())
    return file


async def test_audio_comes_in_frames_of_80_ms(backend: PhononBackend) -> None:
    chunks = await spoken(backend)
    assert {chunk.sample_rate for chunk in chunks} == {RATE}
    assert len(chunks[0].samples) == FRAME
    assert all(len(chunk.samples) % FRAME == 0 for chunk in chunks)


async def test_a_seed_gives_the_same_speech_and_the_drawn_one_is_reported(backend: PhononBackend) -> None:
    """The package adds in another order from call to call: its samples are equal but for rounding."""
    first, again, other = [joined(await spoken(backend, seed=seed)) for seed in (1, 1, 2)]
    np.testing.assert_allclose(again, first, atol=1e-3)
    assert np.abs(first - other).max() > 0.01
    drawn = await spoken(backend, seed=None)
    (seed,) = {chunk.seed for chunk in drawn}
    np.testing.assert_allclose(joined(await spoken(backend, seed=seed)), joined(drawn), atol=1e-3)


async def test_segments_of_a_request_differ(backend: PhononBackend) -> None:
    one, other = [joined(await spoken(backend, index=index)) for index in (0, 1)]
    assert np.abs(one - other).max() > 0.01


async def test_cancelling_stops_the_stream(backend: PhononBackend) -> None:
    await backend.load()
    stream = backend.generate_stream(await request_of(backend, "A very long text indeed. " * 200))
    await anext(stream)
    with anyio.fail_after(WITHIN):
        await stream.aclose()
    with anyio.move_on_after(0.05):
        await spoken(backend, "A very long text indeed. " * 200)
    assert await spoken(backend)


async def test_many_at_once_do_not_mix(backend: PhononBackend) -> None:
    texts = [f"Request {n} is here." for n in range(3)]
    alone = {(t, v): joined(await spoken(backend, t, voice=v)) for t in texts for v in ("anna", "ben")}
    together: dict[tuple[str, str], np.ndarray[Any, Any]] = {}

    async def speak(text: str, voice: str) -> None:
        together[text, voice] = joined(await spoken(backend, text, voice=voice))

    async with anyio.create_task_group() as tasks:
        for text, voice in alone:
            tasks.start_soon(speak, text, voice)
    for key, samples in alone.items():
        np.testing.assert_allclose(together[key], samples, atol=1e-3)


async def test_a_language_of_the_checkpoint_is_spelled_out_by_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ptts

    said: list[tuple[str, str | None]] = []
    usual: Callable[..., str] = ptts.normalize

    def noted(text: str, *, lang: str | None) -> str:
        said.append((text, lang))
        return usual(text, lang=lang)

    monkeypatch.setattr("ptts.normalize", noted)
    backend = PhononBackend(PhononSettings(model_path=write_checkpoint(tmp_path, languages=["en", "fr"])))
    await backend.load()
    assert backend.capabilities.languages == ("en", "fr")
    await spoken(backend, "Il a 5 ans.", language="fr-CA")
    await spoken(backend, "He is 5.")
    await spoken(backend, "Ha 5 anni.", language="it")
    assert said == [("Il a 5 ans.", "fr"), ("He is 5.", "en")]


@pytest.mark.parametrize("text", ["...", "?!", "—"])
async def test_marks_alone_have_no_audio(backend: PhononBackend, text: str) -> None:
    assert await spoken(backend, text) == []


async def test_letters_of_other_languages_are_refused(backend: PhononBackend) -> None:
    with pytest.raises(UnsupportedLanguageError, match="in Cyrillic letters"):
        await spoken(backend, "Привет, мир!")
    assert await spoken(backend, "They say Привет there.")


async def test_options_and_voices_are_checked(backend: PhononBackend) -> None:
    with pytest.raises(UnsupportedOptionError, match="temperature"):
        await spoken(backend, options={"temperature": -1.0})
    with pytest.raises(UnknownVoiceError, match="anna"):
        await backend.find_voice("nobody", None)


async def test_voices_of_the_users_folder_are_added(folder: Path, tmp_path: Path) -> None:
    write_voice(tmp_path / "carla.safetensors", 9)
    write_clip(tmp_path / "me.wav", 11)
    backend = PhononBackend(PhononSettings(model_path=folder, voices_folder=tmp_path))
    assert [voice.id for voice in await backend.voices()] == ["anna", "ben", "carla"]
    assert not np.allclose(joined(await spoken(backend, voice="carla")), joined(await spoken(backend)))
    assert not backend.capabilities.cloning


async def test_a_folder_of_voices_that_is_not_there_is_reported(folder: Path, tmp_path: Path) -> None:
    backend = PhononBackend(PhononSettings(model_path=folder, voices_folder=tmp_path / "none"))
    with pytest.raises(BackendUnavailableError, match="voices_folder cannot be read"):
        await backend.voices()


async def test_clips_are_cloned_where_the_checkpoint_has_a_speaker_encoder(
    cloning_folder: Path, tmp_path: Path
) -> None:
    write_clip(tmp_path / "me.wav", 11)
    write_clip(tmp_path / "short.wav", 0.5)
    (tmp_path / "text.wav").write_text("no audio")
    backend = PhononBackend(PhononSettings(model_path=cloning_folder, voices_folder=tmp_path))
    assert [voice.id for voice in await backend.voices()] == ["anna", "ben", "me", "short", "text"]
    assert not np.allclose(joined(await spoken(backend, voice="me")), joined(await spoken(backend)))
    assert backend.capabilities.cloning
    with pytest.raises(BackendUnavailableError, match=r"voice 'short' .* too short"):
        await spoken(backend, voice="short")
    with pytest.raises(BackendUnavailableError, match="not in a known format"):
        await spoken(backend, voice="text")


async def test_it_speaks_through_the_hub(folder: Path) -> None:
    config = Config(backends={"phonon": {"model_path": str(folder)}})
    async with TTSBackendManager(config) as hub:
        assert hub.best() == "phonon"
        request = SpeechRequest("Good morning. It is 5.", model="phonon", voice="ben", response_format="mp3")
        async with await hub.stream(request) as stream:
            assert len(await stream.read()) > 1000
    assert (stream.report.backend, stream.report.voice) == ("phonon", "ben")
    assert stream.report.seed is not None


@pytest.mark.parametrize("name", ["tokenizer.json", "model.safetensors"])
async def test_a_folder_without_a_checkpoint_says_what_is_missing(tmp_path: Path, name: str) -> None:
    (write_checkpoint(tmp_path) / name).unlink()
    backend = PhononBackend(PhononSettings(model_path=tmp_path))
    assert "does not hold tokenizer.json and model.q8.gguf" in backend.availability(backend.settings).reason
    with pytest.raises(BackendUnavailableError, match="does not hold"):
        await backend.load()


@pytest.mark.parametrize("name", ["config.json", "tokenizer.json", "model.safetensors"])
async def test_a_file_that_is_cut_is_refused(tmp_path: Path, name: str) -> None:
    file = write_checkpoint(tmp_path) / name
    file.write_bytes(file.read_bytes()[:50])
    with pytest.raises(BackendUnavailableError, match=r"cannot be (loaded|read)") as raised:
        await PhononBackend(PhononSettings(model_path=tmp_path)).load()
    assert "<unknown>" not in str(raised.value)


async def test_without_the_package_the_remedy_is_named(
    backend: PhononBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    found = backend.availability(backend.settings)
    assert found.reason == "the package ptts is not installed"
    assert "phonon" in found.remedy
