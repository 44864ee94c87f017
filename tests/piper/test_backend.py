"""The engine on tiny voices of every kind."""

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
from tts_hub_piper import PiperBackend, PiperSettings
from tts_hub_piper.graph import Graph, Run, Scales, load_graph

from tests.piper.tiny import FRAME, IDS, KINDS, RATE, write_voice
from tests.waiting import WITHIN
from tts_hub.backend import TTSBackend
from tts_hub.errors import (
    BackendUnavailableError,
    GenerationError,
    InvalidTextError,
    UnknownVoiceError,
    UnsupportedLanguageError,
    UnsupportedOptionError,
)
from tts_hub.progress import ProgressEvent
from tts_hub.testing.contract import BackendContract
from tts_hub.types import AudioChunk, SegmentRequest

pytestmark = pytest.mark.anyio
TEXT = "Good morning, and welcome to 1,234 of the best voices."
SCALES = Scales(0.667, 1.0, 0.8)


class TestPiperBackend(BackendContract):
    two_voices = ("en_US-tiny-medium", "en_GB-duo-low+ben")

    @pytest.fixture(autouse=True)
    def _folder(self, voices_folder: Path) -> None:
        self.folder = voices_folder

    def make_backend(self) -> TTSBackend:
        return PiperBackend(PiperSettings(voices_folder=self.folder))


async def request_of(backend: PiperBackend, text: str = TEXT, **fields: Any) -> SegmentRequest:
    voice = await backend.find_voice(fields.pop("voice", None), fields.get("language"))
    seed = fields.pop("seed", 1)
    return SegmentRequest(text=text, voice=voice, model="piper", seed=seed, request_id="r1", **fields)


async def spoken(backend: PiperBackend, text: str = TEXT, **fields: Any) -> list[AudioChunk]:
    async with aclosing(backend.generate_stream(await request_of(backend, text, **fields))) as chunks:
        return [chunk async for chunk in chunks]


def joined(chunks: Sequence[AudioChunk]) -> np.ndarray[Any, Any]:
    return np.concatenate([chunk.samples for chunk in chunks])


@pytest.mark.parametrize("name", KINDS)
async def test_every_kind_of_graph_is_spoken_with_words(name: str, tmp_path: Path) -> None:
    kind = KINDS[name]
    backend = PiperBackend(PiperSettings(voices_folder=write_voice(tmp_path, kind=kind)))
    chunks = await spoken(backend, seed=1 if kind.draws_noise else None)
    words = [word for chunk in chunks for word in chunk.words]
    assert " ".join(w.text for w in words) == "Good morning and welcome to 1,234 of the best voices"
    assert all(TEXT[slice(*word.span)] == word.text for word in words)
    assert all(a.end <= b.start + 1e-9 for a, b in itertools.pairwise(words))
    assert {chunk.estimated_words for chunk in chunks} == {kind.rounding != "Ceil"}
    assert {chunk.sample_rate for chunk in chunks} == {RATE}
    await backend.aclose()


async def test_word_times_lie_where_the_sound_is(backend: PiperBackend) -> None:
    """Spaces, marks and pads are silent in this voice: each word begins where its first tone does."""
    chunks = await spoken(backend, "alpha beta gamma delta", options={"noise": 0.0})
    loud = np.abs(joined(chunks).reshape(-1, FRAME)).max(axis=1) > 1e-3
    words = [word for chunk in chunks for word in chunk.words]
    assert [word.text for word in words] == ["alpha", "beta", "gamma", "delta"]
    for word in words:
        first = round(word.start * RATE / FRAME)
        assert first == pytest.approx(word.start * RATE / FRAME, abs=1e-6)
        assert loud[first : first + 4].any()
        assert not loud[first - 2 : first].any()


async def test_sentences_are_spoken_one_by_one(backend: PiperBackend) -> None:
    text = "Dr. Smith is here. He asks: who? You!"
    events: list[ProgressEvent] = []
    request = await request_of(backend, text)
    await backend.load()
    async with aclosing(backend.generate_stream(request, events.append)) as stream:
        chunks = [chunk async for chunk in stream]
    said = [" ".join(word.text for word in chunk.words) for chunk in chunks]
    assert said == ["Dr Smith is here", "He asks who", "You"]
    read, *pieces = [event for event in events if event.stage == "generating"]
    assert (read.details["stage"], read.details["pieces"], read.request_id) == ("phonemised", 3, "r1")
    assert [event.fraction for event in pieces] == [n / 3 for n in (1, 2, 3)]
    assert pieces[-1].details["audio_seconds"] == pytest.approx(sum(chunk.seconds for chunk in chunks))
    assert pieces[-1].details["cost"] == 0


@pytest.mark.parametrize("speed", [0.5, 0.8, 1.25, 2.0])
async def test_speed_is_the_ratio_of_lengths(backend: PiperBackend, speed: float) -> None:
    text = "Twenty people came to see what the old machine could do, and none of them was disappointed."
    usual, changed = [len(joined(await spoken(backend, text, speed=s))) for s in (1.0, speed)]
    assert changed * speed == pytest.approx(usual, rel=0.06)


async def test_a_seed_gives_the_same_speech_whatever_else_is_spoken(voices_folder: Path) -> None:
    backend = PiperBackend(PiperSettings(voices_folder=voices_folder))
    first = joined(await spoken(backend, seed=7))
    other = joined(await spoken(backend, seed=8))
    await spoken(backend, "Something else.")
    assert len(first) != len(other) or not np.allclose(first, other)
    np.testing.assert_array_equal(joined(await spoken(backend, seed=7)), first)
    again = PiperBackend(PiperSettings(voices_folder=voices_folder))
    np.testing.assert_array_equal(joined(await spoken(again, seed=7)), first)


async def test_the_drawn_seed_is_reported_and_gives_the_same_speech(backend: PiperBackend) -> None:
    chunks = await spoken(backend, seed=None)
    (seed,) = {chunk.seed for chunk in chunks}
    again = await spoken(backend, seed=seed)
    assert {chunk.seed for chunk in again} == {None}
    np.testing.assert_array_equal(joined(again), joined(chunks))


async def test_a_voice_that_draws_its_noise_elsewhere_takes_no_seed(tmp_path: Path) -> None:
    folder = write_voice(tmp_path, kind=KINDS["without noise"])
    backend = PiperBackend(PiperSettings(voices_folder=folder))
    with pytest.raises(UnsupportedOptionError, match="no seed"):
        await spoken(backend, seed=1)
    assert {chunk.seed for chunk in await spoken(backend, seed=None)} == {None}


async def test_without_noise_every_seed_gives_the_same(backend: PiperBackend) -> None:
    silent = {"noise": 0.0, "rhythm_noise": 0.0}
    one, other = [joined(await spoken(backend, seed=seed, options=silent)) for seed in (1, 2)]
    np.testing.assert_array_equal(one, other)


async def test_options_out_of_range_are_refused(backend: PiperBackend) -> None:
    with pytest.raises(UnsupportedOptionError, match="noise"):
        await spoken(backend, options={"noise": 9.0})


async def test_many_at_once_do_not_mix(voices_folder: Path) -> None:
    backend = PiperBackend(PiperSettings(voices_folder=voices_folder, voices_in_memory=1))
    texts = [f"Request {n} says {'many ' * n}words." for n in range(4)]
    voices = ["tiny", "duo+anna", "duo+ben"]
    alone = {(t, v): joined(await spoken(backend, t, voice=v)) for t in texts for v in voices}
    together: dict[tuple[str, str], np.ndarray[Any, Any]] = {}

    async def speak(text: str, voice: str) -> None:
        together[text, voice] = joined(await spoken(backend, text, voice=voice))

    async with anyio.create_task_group() as tasks:
        for text, voice in alone:
            tasks.start_soon(speak, text, voice)
    for key, samples in alone.items():
        np.testing.assert_array_equal(together[key], samples)


async def test_cancelling_stops_a_running_graph(
    backend: PiperBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The running call is stopped, and no further piece begins."""
    begun, calls = threading.Event(), 0

    def endless(self: Graph, *args: Any) -> Any:
        nonlocal calls
        calls += 1
        begun.set()
        run = args[-1]
        while not run.options.terminate:
            threading.Event().wait(0.005)
        raise GenerationError("stopped", backend="piper")

    await backend.load()
    monkeypatch.setattr(Graph, "infer", endless)
    with anyio.fail_after(WITHIN):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(spoken, backend, f"{TEXT} " * 5)
            await anyio.to_thread.run_sync(begun.wait)
            tasks.cancel_scope.cancel()
    assert calls == 1


async def test_a_stopped_run_ends_the_graph(voices_folder: Path) -> None:
    graph = load_graph(voices_folder / "en_US-tiny-medium.onnx", threads=1, remedy="")
    assert graph.session.get_session_options().intra_op_num_threads == 1
    run = Run()
    run.stop()
    with pytest.raises(GenerationError, match=r"[Tt]erminat"):
        graph.infer([1, 0, 20, 0, 2], None, SCALES, (1,), run)


async def test_samples_that_are_no_numbers_are_reported(voices_folder: Path) -> None:
    graph = load_graph(voices_folder / "en_US-tiny-medium.onnx", threads=1, remedy="")
    with pytest.raises(GenerationError, match="not numbers"):
        graph.infer([1, 0, 20, 0, 2], None, Scales(float("nan"), 1.0, 0.0), (1,), Run())


@pytest.mark.parametrize("text", ["...", "?!", "—"])
async def test_marks_alone_have_no_audio(backend: PiperBackend, text: str) -> None:
    assert await spoken(backend, text) == []


@pytest.mark.parametrize(
    ("text", "script"), [("Привет, мир!", "Cyrillic"), ("世界您好", "Cjk"), ("สวัสดี", "Thai")]
)
async def test_letters_of_other_languages_are_refused(backend: PiperBackend, text: str, script: str) -> None:
    with pytest.raises(UnsupportedLanguageError, match=f"in {script} letters"):
        await spoken(backend, text)
    assert await spoken(backend, f"They say {text} there, π times.")


async def test_symbols_that_a_voice_does_not_know_are_left_out_with_a_notice(tmp_path: Path) -> None:
    ids = {symbol: numbers for symbol, numbers in IDS.items() if symbol not in "ɹɡ"}
    backend = PiperBackend(PiperSettings(voices_folder=write_voice(tmp_path, phoneme_id_map=ids)))
    events: list[ProgressEvent] = []
    request = await request_of(backend, "Green grass.")
    async with aclosing(backend.generate_stream(request, events.append)) as stream:
        assert [word.text async for chunk in stream for word in chunk.words] == ["Green", "grass"]
    (notice,) = [event for event in events if event.stage == "notice"]
    assert notice.message == "voice en_US-tiny-medium does not know ɡ ɹ: left out"
    marks = {symbol: IDS[symbol] for symbol in "_^$."}
    backend = PiperBackend(PiperSettings(voices_folder=write_voice(tmp_path / "mute", phoneme_id_map=marks)))
    with pytest.raises(InvalidTextError, match="cannot read any of the text"):
        await spoken(backend, "Green grass.")


async def test_a_word_of_ten_thousand_characters_is_spoken(backend: PiperBackend) -> None:
    chunks = await spoken(backend, "ba" * 5000)
    (word,) = [word for chunk in chunks for word in chunk.words]
    assert word.span == (0, 10_000)
    assert len(chunks) > 10


async def test_a_graph_of_another_kind_is_refused(tmp_path: Path) -> None:
    from tests.kokoro.tiny import FAMILIES, graph

    folder = write_voice(tmp_path)
    (folder / "en_US-tiny-medium.onnx").write_bytes(graph(FAMILIES["kokoro-onnx"]).SerializeToString())
    with pytest.raises(BackendUnavailableError, match="is not a Piper voice: its inputs are input_ids"):
        await PiperBackend(PiperSettings(voices_folder=folder)).load()


@pytest.mark.parametrize("size", [0, 100, 3000, -1])
async def test_a_voice_file_that_is_cut_is_refused(tmp_path: Path, size: int) -> None:
    file = write_voice(tmp_path) / "en_US-tiny-medium.onnx"
    file.write_bytes(file.read_bytes()[:size])
    with pytest.raises(BackendUnavailableError, match="cannot be loaded") as raised:
        await PiperBackend(PiperSettings(voices_folder=tmp_path)).load()
    assert raised.value.remedy.startswith("replace en_US-tiny-medium.onnx and")


async def test_without_onnxruntime_the_remedy_is_named(
    backend: PiperBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    found = backend.availability(backend.settings)
    assert found.reason == "packages that are not installed: onnxruntime, espeakng_loader"
    assert "piper" in found.remedy
    with pytest.raises(BackendUnavailableError, match="not installed: onnxruntime"):
        await backend.load()


async def test_an_unknown_speaker_is_an_error(backend: PiperBackend) -> None:
    with pytest.raises(UnknownVoiceError, match="'en_GB-duo-low' has no speaker 'carl'"):
        await backend.find_voice("en_GB-duo-low+carl", None)
    with pytest.raises(UnknownVoiceError, match="it has one speaker"):
        await backend.find_voice("en_US-tiny-medium+ben", None)
