"""The engine itself on tiny graphs of every published signature."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence
from contextlib import aclosing
from pathlib import Path
from typing import Any

import anyio
import numpy as np
import pytest
from kokoro_onnx import Kokoro
from onnx import TensorProto
from tts_hub_kokoro import KokoroBackend, KokoroSettings
from tts_hub_kokoro.dimensions import LEAD_FRAMES
from tts_hub_kokoro.graph import Graph, load_graph

from tests.kokoro.tiny import FAMILIES, FRAME, PITCHES, RATE, Family, frames_of, write_model
from tests.waiting import WITHIN
from tts_hub.backend import TTSBackend
from tts_hub.errors import (
    BackendUnavailableError,
    GenerationError,
    InvalidTextError,
    UnsupportedLanguageError,
)
from tts_hub.onnx.session import Run
from tts_hub.progress import ProgressEvent
from tts_hub.testing.contract import BackendContract
from tts_hub.types import AudioChunk, SegmentRequest

pytestmark = pytest.mark.anyio
TEXT = "Good morning, and welcome to 1,234 of the best voices."


class TestKokoroBackend(BackendContract):
    two_voices = ("af_bella", "am_adam")

    @pytest.fixture(autouse=True)
    def _folder(self, model_folder: Path) -> None:
        self.folder = model_folder

    def make_backend(self) -> TTSBackend:
        return KokoroBackend(KokoroSettings(model_path=self.folder))


async def request_of(backend: KokoroBackend, text: str = TEXT, **fields: Any) -> SegmentRequest:
    voice = await backend.find_voice(fields.pop("voice", None), fields.get("language"))
    return SegmentRequest(text=text, voice=voice, model="kokoro", request_id="r1", **fields)


async def spoken(backend: KokoroBackend, text: str = TEXT, **fields: Any) -> list[AudioChunk]:
    async with aclosing(backend.generate_stream(await request_of(backend, text, **fields))) as chunks:
        return [chunk async for chunk in chunks]


def joined(chunks: Sequence[AudioChunk]) -> np.ndarray[Any, Any]:
    return np.concatenate([chunk.samples for chunk in chunks])


@pytest.mark.parametrize("name", FAMILIES)
async def test_every_published_signature_is_spoken(name: str, tmp_path: Path) -> None:
    family = FAMILIES[name]
    settings = KokoroSettings(model_path=write_model(tmp_path, family), english="espeak")
    backend = KokoroBackend(settings)
    chunks = await spoken(backend)
    phonemes = Kokoro(str(tmp_path / "kokoro-v1.0.onnx"), str(tmp_path / "voices-v1.0.bin"))
    tokens = phonemes.tokenizer.tokenize(phonemes.tokenizer.phonemize(TEXT))
    assert len(joined(chunks)) == FRAME * frames_of([0, *tokens, 0]).sum()
    words = [word for chunk in chunks for word in chunk.words]
    assert " ".join(w.text for w in words) == "Good morning and welcome to 1,234 of the best voices"
    assert all(TEXT[slice(*word.span)] == word.text for word in words)
    assert {chunk.estimated_words for chunk in chunks} == {family.ambiguous}
    low, high = backend.capabilities.speed_range
    assert (low, high) == ((1, 1) if family.speed == TensorProto.INT32 else (0.5, 2))
    await backend.aclose()


@pytest.mark.parametrize("name", ["first-release", "kokoro-onnx", "community", "timestamped"])
async def test_the_audio_is_that_of_kokoro_onnx(name: str, tmp_path: Path) -> None:
    settings = KokoroSettings(model_path=write_model(tmp_path, FAMILIES[name]), english="espeak")
    backend = KokoroBackend(settings)
    library = Kokoro(str(tmp_path / "kokoro-v1.0.onnx"), str(tmp_path / "voices-v1.0.bin"))
    theirs, rate = library.create(TEXT, "af_bella", 1.3, trim=False, sentence_pause=0, clause_pause=0)
    ours = joined(await spoken(backend, voice="af_bella", speed=1.3))
    assert rate == RATE
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


async def test_word_times_lie_where_the_sound_is(backend: KokoroBackend) -> None:
    """A space is silent in this model, for less time than a pause: half of it belongs to each neighbour."""
    chunks = await spoken(backend, "alpha beta gamma delta")
    samples = joined(chunks)
    frames = np.abs(samples.reshape(-1, FRAME)).max(axis=1) > 1e-3
    starts = np.flatnonzero(np.diff(np.concatenate([[0], frames.astype(int)])) == 1)
    words = [word for chunk in chunks for word in chunk.words]
    assert len(starts) == len(words)
    assert words[0].start == pytest.approx(starts[0] * FRAME / RATE, abs=0.002)
    space = frames_of([16])[0]
    for word, start in zip(words[1:], starts[1:], strict=True):
        assert word.start == pytest.approx((start - space / 2 - LEAD_FRAMES) * FRAME / RATE, abs=1e-6)


async def test_speed_is_the_graphs(backend: KokoroBackend) -> None:
    usual, fast = len(joined(await spoken(backend))), len(joined(await spoken(backend, speed=2.0)))
    assert fast == pytest.approx(usual / 2, rel=0.2)


async def test_progress_of_a_long_text(backend: KokoroBackend) -> None:
    text = "Some sentences are longer than the model can say at once, " * 25
    events: list[ProgressEvent] = []
    request = await request_of(backend, text)
    await backend.load()
    async with aclosing(backend.generate_stream(request, events.append)) as stream:
        chunks = [chunk async for chunk in stream]
    read, *pieces = events
    assert (read.details["stage"], read.request_id) == ("phonemised", "r1")
    count = read.details["pieces"]
    assert isinstance(count, int)
    assert count == len(chunks) == len(pieces) > 2
    parts = [f"speaking part {n + 1} of {count}" for n in range(count)]
    assert [event.message for event in events] == [*parts, ""]
    assert [event.fraction for event in events] == [n / count for n in range(count + 1)]
    last = pieces[-1].details
    assert last["audio_seconds"] == pytest.approx(sum(chunk.seconds for chunk in chunks))
    assert isinstance(last["tokens"], int)
    assert last["tokens"] > 1000
    assert last["cost"] == 0
    assert isinstance(last["real_time_factor"], float)
    assert isinstance(last["first_audio_seconds"], float)
    words = [word for chunk in chunks for word in chunk.words]
    assert [w.text for w in words] == text.replace(",", "").split()
    assert all(a.end <= b.start + 1e-9 for a, b in itertools.pairwise(words))


async def test_cancelling_stops_a_running_graph(
    backend: KokoroBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The running call is stopped, and no further piece begins."""
    begun, calls = threading.Event(), 0

    def endless(self: Graph, tokens: Sequence[int], style: Any, speed: float, run: Run) -> Any:
        nonlocal calls
        calls += 1
        begun.set()
        while not run.options.terminate:
            threading.Event().wait(0.005)
        raise GenerationError("stopped", backend="kokoro")

    await backend.load()
    monkeypatch.setattr(Graph, "infer", endless)
    with anyio.fail_after(WITHIN):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(spoken, backend, TEXT * 40)
            await anyio.to_thread.run_sync(begun.wait)
            tasks.cancel_scope.cancel()
    assert calls == 1


async def test_a_stopped_run_ends_the_graph(model_folder: Path) -> None:
    graph = load_graph(model_folder / "kokoro-v1.0.onnx", KokoroSettings(), "")
    run = Run()
    run.stop()
    with pytest.raises(GenerationError, match=r"[Tt]erminat"):
        graph.infer([50, 51], np.zeros((1, 256), np.float32), 1.0, run)


async def test_many_at_once_do_not_mix(model_folder: Path) -> None:
    backend = KokoroBackend(KokoroSettings(model_path=model_folder, concurrency=4))
    texts = [f"Request {n} says {'many ' * n}words." for n in range(6)]
    alone = {
        (text, voice): joined(await spoken(backend, text, voice=voice)) for text in texts for voice in PITCHES
    }
    together: dict[tuple[str, str], np.ndarray[Any, Any]] = {}

    async def speak(text: str, voice: str) -> None:
        together[text, voice] = joined(await spoken(backend, text, voice=voice))

    async with anyio.create_task_group() as tasks:
        for text, voice in alone:
            tasks.start_soon(speak, text, voice)
    for key, samples in alone.items():
        np.testing.assert_array_equal(together[key], samples)


async def test_a_mix_sounds_between_its_voices(backend: KokoroBackend) -> None:
    mixed = joined(await spoken(backend, voice="af_bella(1)+am_adam(1)"))
    alone = joined(await spoken(backend, voice="af_bella"))
    assert len(mixed) == len(alone)
    assert not np.allclose(mixed, alone)


@pytest.mark.parametrize("text", ["...", "😀", "?!", "—"])
async def test_marks_alone_have_no_audio(backend: KokoroBackend, text: str) -> None:
    chunks = await spoken(backend, text)
    assert not chunks or any(word.text for chunk in chunks for word in chunk.words) or text == "😀"


async def test_a_text_in_letters_it_cannot_read_is_reported(backend: KokoroBackend) -> None:
    with pytest.raises(InvalidTextError, match="phonemes"):
        await spoken(backend, "[a](/ʙ/)")


@pytest.mark.parametrize(
    ("text", "script"),
    [("世界您好", "Chinese"), ("ありがとう", "Japanese"), ("Привет, мир!", "Cyrillic"), ("สวัสดี", "Thai")],
)
async def test_letters_of_other_languages_are_not_read_by_their_names(
    backend: KokoroBackend, text: str, script: str
) -> None:
    with pytest.raises(
        UnsupportedLanguageError, match=f"in {script} letters, and voice 'af_heart' speaks en-US"
    ):
        await spoken(backend, text)
    assert await spoken(backend, f"They say {text} there, π times.")


async def test_letters_that_nothing_reads_are_reported_in_a_notice(
    backend: KokoroBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The readable words are still spoken."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    events: list[ProgressEvent] = []
    request = await request_of(backend, "They say Привет and コーヒー there.")
    async with aclosing(backend.generate_stream(request, events.append)) as stream:
        words = [word.text async for chunk in stream for word in chunk.words]
    assert "".join(words) == "TheysayПриветandコーヒーthere"
    assert [(event.message, event.segment) for event in events if event.stage == "notice"] == [
        (
            "voice af_heart cannot read Привет, コーヒー: spelled or left out; "
            "to have it read: pip install '.[kokoro-ja]'  # in the folder of tts-hub",
            0,
        )
    ]


async def test_a_notice_quotes_few_words(backend: KokoroBackend) -> None:
    events: list[ProgressEvent] = []
    request = await request_of(backend, f"Hello {'Привет ' * 50}")
    async with aclosing(backend.generate_stream(request, events.append)) as stream:
        async for _ in stream:
            pass
    notice = next(event for event in events if event.stage == "notice")
    assert notice.message.count("Привет") == 5


async def test_the_voice_says_which_english_a_text_is_read_in(backend: KokoroBackend) -> None:
    lengths = {}
    for voice, language in (
        ("bf_emma", "en-GB"),
        ("bf_emma", "en"),
        ("bf_emma", "en-AU"),
        ("af_heart", "en-AU"),
    ):
        lengths[voice, language] = len(joined(await spoken(backend, voice=voice, language=language)))
    american = len(joined(await spoken(backend, voice="af_heart", language="en-US")))
    british = lengths["bf_emma", "en-GB"]
    assert american != british
    assert [*lengths.values()] == [british, british, british, american]


async def test_a_language_without_reader_is_reported(backend: KokoroBackend) -> None:
    with pytest.raises(UnsupportedLanguageError, match="no voice for language 'ja'"):
        await request_of(backend, language="ja")


async def test_a_wrong_graph_is_reported(tmp_path: Path) -> None:
    folder = write_model(tmp_path / "other", extra="tempo_map")
    with pytest.raises(BackendUnavailableError, match=r"not a Kokoro graph: inputs .*tempo_map"):
        await KokoroBackend(KokoroSettings(model_path=folder)).load()
    (folder / "kokoro-v1.0.onnx").write_bytes(b"half a file")
    with pytest.raises(BackendUnavailableError, match="cannot be loaded") as raised:
        await KokoroBackend(KokoroSettings(model_path=folder)).load()
    assert "replace the files" in raised.value.remedy


async def test_a_provider_that_is_not_there_is_reported(model_folder: Path) -> None:
    backend = KokoroBackend(KokoroSettings(model_path=model_folder, provider="coreml"))
    with pytest.raises(BackendUnavailableError, match="no CoreMLExecutionProvider, only"):
        await backend.load()


async def test_threads_are_those_of_the_settings(model_folder: Path) -> None:
    settings = KokoroSettings(model_path=model_folder, threads=1)
    graph = load_graph(model_folder / "kokoro-v1.0.onnx", settings, "")
    assert graph.session.get_session_options().intra_op_num_threads == 1


def test_samples_that_are_no_numbers_are_reported(model_folder: Path) -> None:
    graph = load_graph(model_folder / "kokoro-v1.0.onnx", KokoroSettings(), "")
    with pytest.raises(GenerationError, match="not numbers"):
        graph.infer([50], np.full((1, 256), np.nan, np.float32), 1.0, Run())


def test_other_number_types_are_taken_and_samples_stay_float32(tmp_path: Path) -> None:
    family = Family(durations="duration", speed=TensorProto.DOUBLE)
    graph = load_graph(write_model(tmp_path, family) / "kokoro-v1.0.onnx", KokoroSettings(), "")
    made = graph.infer([50], np.zeros((1, 256), np.float32), 1.0, Run())
    assert made.samples.dtype == np.float32
