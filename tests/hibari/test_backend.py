"""The engine itself, with the voice in the package."""

from __future__ import annotations

import gc
import itertools
import threading
import weakref
from collections.abc import Sequence
from contextlib import aclosing
from typing import Any

import anyio
import numpy as np
import pytest
from hibari import Hibari
from tts_hub_hibari import HibariBackend, HibariSettings
from tts_hub_hibari.graph import Graph, Inference

from tests.hibari.speaking import joined, request_of, spoken
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

pytestmark = pytest.mark.anyio
TEXT = "Good morning, and welcome to the best of voices."


class TestHibariBackend(BackendContract):
    def make_backend(self) -> TTSBackend:
        return HibariBackend()


async def test_the_audio_is_that_of_its_own_api(loaded_backend: HibariBackend) -> None:
    """The noise in the voice is drawn from another seed, and differs by a few thousandths."""
    theirs = Hibari()(TEXT, seed=0)
    ours = joined(await spoken(loaded_backend, TEXT))
    assert len(ours) == len(theirs)
    assert np.abs(ours - theirs).max() < 0.02
    assert np.corrcoef(ours, theirs)[0, 1] > 0.99


async def test_the_same_seed_gives_the_same_samples(loaded_backend: HibariBackend) -> None:
    first, again, other = [
        joined(await spoken(loaded_backend, TEXT, seed=seed)) for seed in (7, 7, 2**64 - 1)
    ]
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


@pytest.mark.parametrize("speed", [0.5, 0.8, 1.25, 1.6, 2.0])
async def test_speed_is_the_ratio_of_lengths(loaded_backend: HibariBackend, speed: float) -> None:
    usual = len(joined(await spoken(loaded_backend, TEXT)))
    assert len(joined(await spoken(loaded_backend, TEXT, speed=speed))) == pytest.approx(
        usual / speed, rel=0.02
    )


async def test_many_at_once_do_not_mix(loaded_backend: HibariBackend) -> None:
    texts = [f"Request {n} says {'many ' * n}words." for n in range(6)]
    alone = {text: joined(await spoken(loaded_backend, text, seed=3)) for text in texts}
    together: dict[str, np.ndarray[Any, Any]] = {}

    async def speak(text: str) -> None:
        together[text] = joined(await spoken(loaded_backend, text, seed=3))

    async with anyio.create_task_group() as tasks:
        for text in alone:
            tasks.start_soon(speak, text)
    for text, samples in alone.items():
        np.testing.assert_array_equal(together[text], samples)


async def test_cancelling_stops_a_running_graph(
    loaded_backend: HibariBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The running call is stopped, and no further piece begins."""
    begun, calls = threading.Event(), 0

    def endless(self: Graph, ids: Sequence[int], speed: float, seed: Sequence[int], run: Run) -> Inference:
        nonlocal calls
        calls += 1
        begun.set()
        while not run.options.terminate:
            threading.Event().wait(0.005)
        raise GenerationError("stopped", backend="hibari")

    monkeypatch.setattr(Graph, "infer", endless)
    with anyio.fail_after(WITHIN):
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(spoken, loaded_backend, TEXT * 40)
            await anyio.to_thread.run_sync(begun.wait)
            tasks.cancel_scope.cancel()
    assert calls == 1


async def test_a_stopped_run_ends_the_graph(loaded_backend: HibariBackend) -> None:
    graph, run = (await loaded_backend._voice("heart", lambda event: None)).graph, Run()
    run.stop()
    with pytest.raises(GenerationError, match=r"[Tt]erminat"):
        graph.infer([0, 50, 51, 0], 1.0, (0,), run)


async def test_a_long_text_is_spoken_in_pieces(loaded_backend: HibariBackend) -> None:
    text = "Some sentences are longer than the model can say at once, " * 12
    events: list[ProgressEvent] = []
    stream = loaded_backend.generate_stream(await request_of(loaded_backend, text), events.append)
    chunks = [chunk async for chunk in stream]
    assert len(chunks) > 2
    assert [event.fraction for event in events] == [n / len(chunks) for n in range(len(chunks) + 1)]
    words = [word for chunk in chunks for word in chunk.words]
    assert [word.text for word in words] == text.replace(",", "").split()
    assert all(a.end <= b.start + 1e-9 for a, b in itertools.pairwise(words))


async def test_inline_phonemes_are_said_as_written(loaded_backend: HibariBackend) -> None:
    """Misaki's symbols and those of the International Phonetic Alphabet mean the same."""
    plain = joined(await spoken(loaded_backend, "A tomato."))
    same = joined(await spoken(loaded_backend, "A [tomato](/təmˈɑɾoʊ/)."))
    misaki = joined(await spoken(loaded_backend, "A [tomato](/təmˈɑTO/)."))
    np.testing.assert_array_equal(same, misaki)
    assert len(plain) != len(same) or (plain != same).any()
    with pytest.raises(InvalidTextError, match=r"does not know the phonemes ʙ of /ʙ/"):
        await spoken(loaded_backend, "[a](/ʙ/)")


@pytest.mark.parametrize("text", ["...", "?!", "—"])
async def test_marks_alone_have_no_audio(loaded_backend: HibariBackend, text: str) -> None:
    assert await spoken(loaded_backend, text) == []


@pytest.mark.parametrize(("text", "script"), [("世界您好", "Chinese"), ("Привет, мир!", "Cyrillic")])
async def test_letters_of_other_languages_are_not_read_by_their_names(
    loaded_backend: HibariBackend, text: str, script: str
) -> None:
    with pytest.raises(
        UnsupportedLanguageError, match=f"in {script} letters, and voice 'heart' speaks English"
    ):
        await spoken(loaded_backend, text)


async def test_letters_that_it_cannot_read_are_reported_in_a_notice(loaded_backend: HibariBackend) -> None:
    """The readable words are still spoken."""
    events: list[ProgressEvent] = []
    request = await request_of(loaded_backend, "They say Привет and コーヒー there.")
    words = [
        word.text
        async for chunk in loaded_backend.generate_stream(request, events.append)
        for word in chunk.words
    ]
    assert words[0] == "They"
    assert words[-1] == "there"
    assert [event.message for event in events if event.stage == "notice"] == [
        "voice heart cannot read Привет, コーヒー: spelled or left out"
    ]


@pytest.mark.parametrize("run", ["x", "ab1", "a.", "-a", "(", "7"])
async def test_ten_thousand_characters_without_a_space_are_said(
    loaded_backend: HibariBackend, run: str
) -> None:
    """The reader's own time grows with the third power of the length, and its net drops the end of a word."""
    text, seconds, words = (run * 10_000)[:10_000], 0.0, list[str]()
    stream = loaded_backend.generate_stream(await request_of(loaded_backend, text))
    async with aclosing(stream) as chunks:
        async for chunk in chunks:
            seconds += chunk.seconds
            words += [word.text for word in chunk.words]
            if seconds > 300:
                break
    assert (seconds > 300 and bool(words)) == (run != "(")


async def test_closing_frees_the_graph() -> None:
    backend = HibariBackend()
    await backend.load()
    loaded = await backend._voice("heart", lambda event: None)
    graph = weakref.ref(loaded.graph)
    await backend.warm_up()
    del loaded
    await backend.aclose()
    gc.collect()
    assert graph() is None


async def test_threads_are_those_of_the_settings() -> None:
    backend = HibariBackend(HibariSettings(threads=2))
    loaded = await backend._voice("heart", lambda event: None)
    assert loaded.graph.session.get_session_options().intra_op_num_threads == 2
    await backend.aclose()


@pytest.mark.parametrize("missing", ["hibari", "onnxruntime"])
async def test_a_package_that_is_not_installed_is_reported(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import importlib.util

    find_spec = importlib.util.find_spec
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None if name == missing else find_spec(name))
    found = HibariBackend.availability(HibariSettings())
    assert not found.ready
    assert found.reason == f"packages that are not installed: {missing}"
    assert found.remedy == "pip install 'hibari-tts>=0.2.1,<0.3' onnxruntime"
    if missing == "hibari":
        with pytest.raises(BackendUnavailableError, match="not installed"):
            await HibariBackend().voices()


async def test_a_package_that_cannot_be_imported_is_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", None)
    with pytest.raises(BackendUnavailableError, match="cannot be imported") as raised:
        await HibariBackend().load()
    assert raised.value.remedy


async def test_samples_that_are_no_numbers_are_reported(
    loaded_backend: HibariBackend, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hibari.dsp.synth", lambda *spectra: np.full(300, np.nan))
    with pytest.raises(GenerationError, match="not numbers"):
        await spoken(loaded_backend, TEXT)
