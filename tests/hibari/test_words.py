"""Word timings against the sound itself: where a word stands alone, its level says when it begins."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from tts_hub_hibari import HibariBackend, HibariSettings
from tts_hub_hibari.graph import load_graph

from tests.hibari.speaking import RATE, joined, onset, spoken
from tests.hibari.test_outputs import without_durations
from tts_hub import SpeechRequest, TTSBackendManager
from tts_hub.config import Config

pytestmark = pytest.mark.anyio
WORDS = (
    "boy", "market", "green", "apples", "please", "Stella", "bring", "store", "Daniel",
    "Boston", "train", "leaves", "tomorrow", "morning", "found", "map", "wooden", "house",
    "great", "needed", "hear", "today", "temperature", "night", "paid", "dollars", "ticket",
    "concert", "zebra", "garden",
)  # fmt: skip


async def test_a_word_alone_begins_where_its_sound_does(loaded_backend: HibariBackend) -> None:
    early = []
    for word in WORDS:
        chunks = await spoken(loaded_backend, f"{word}.")
        (timing,) = (word for chunk in chunks for word in chunk.words)
        early.append(onset(joined(chunks)) - timing.start)
    assert abs(np.median(early)) < 0.04
    assert np.percentile(np.abs(early), 95) < 0.1


async def test_words_between_known_pauses_begin_where_their_sound_does() -> None:
    """Each word is a segment, with half a second of silence before the next."""
    text = " ".join(f"{word}. [pause:0.5s]" for word in WORDS[:12])
    request = SpeechRequest(text, model="hibari", response_format="pcm", sample_rate=RATE)
    async with TTSBackendManager(Config()) as hub, await hub.stream(request) as stream:
        samples = np.frombuffer(await stream.read(), np.int16).astype(np.float32) / 32768
        words = list(stream.words)
    assert [word.text for word in words] == [*WORDS[:12]]
    level = np.sqrt(np.convolve(samples.astype(np.float64) ** 2, np.full(120, 1 / 120), "same"))
    loud = np.flatnonzero(level > 0.02 * level.max())
    starts = [loud[0], *loud[1:][np.diff(loud) > 0.4 * RATE]]
    assert len(starts) == len(words)
    late = [word.start - start / RATE for word, start in zip(words, starts, strict=True)]
    assert abs(np.median(late)) < 0.04
    assert np.abs(late).max() < 0.1


async def test_the_words_of_a_sentence_cover_its_sound(loaded_backend: HibariBackend) -> None:
    text = "On Oct. 5, 2024 Dr. Smith paid $3.50 at www.example.org, and left."
    chunks = await spoken(loaded_backend, text)
    words = [word for chunk in chunks for word in chunk.words]
    assert [word.text for word in words] == [
        *("On", "Oct", "5", "2024", "Dr", "Smith", "paid", "$3.50", "at", "www.example.org", "and", "left")
    ]
    assert all(text[slice(*word.span)] == word.text for word in words)
    samples = joined(chunks)
    assert words[0].start == pytest.approx(onset(samples), abs=0.05)
    assert words[-1].end == pytest.approx(len(samples) / RATE - onset(samples[::-1]), abs=0.08)
    assert not any(chunk.estimated_words for chunk in chunks)


async def test_where_the_graph_has_no_durations_words_are_estimated(
    heart: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = tmp_path / "later.onnx"
    graph.write_bytes(without_durations(heart))
    backend = HibariBackend(HibariSettings())
    monkeypatch.setattr(
        "tts_hub_hibari.backend.load_graph", lambda file, threads, remedy: load_graph(graph, threads, remedy)
    )
    await backend.load()
    assert backend.capabilities.speed_range == (1.0, 1.0)
    exact = [w for chunk in await spoken(HibariBackend(), "One two three four.") for w in chunk.words]
    chunks = await spoken(backend, "One two three four.")
    assert all(chunk.estimated_words for chunk in chunks)
    words = [word for chunk in chunks for word in chunk.words]
    assert [word.text for word in words] == ["One", "two", "three", "four"]
    assert [w.start for w in words] == pytest.approx([w.start for w in exact], abs=0.25)
    await backend.aclose()
