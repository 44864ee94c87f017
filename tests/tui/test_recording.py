"""Recordings on disk: readable while they grow, and after the next start."""

from __future__ import annotations

import resource
import signal
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tts_hub_tui.storage.recording import Recording

from tests.audio.decoding import decode
from tts_hub.errors import OutputError, UnsupportedFormatError
from tts_hub.types import AudioChunk, Samples, WordTiming

RATE = 24_000
WORDS = (WordTiming("Grüße", 0.1, 0.4, (0, 5)), WordTiming("dich", 0.5, 0.8, (6, 10)))


def tone(seconds: float) -> Samples:
    samples: Samples = (np.sin(np.arange(round(seconds * RATE)) * 0.1) * 0.5).astype(np.float32)
    return samples


def test_what_was_appended_is_read(tmp_path: Path) -> None:
    recording = Recording.create(tmp_path, "r", RATE)
    recording.append(AudioChunk(tone(1.0), RATE))
    assert np.allclose(recording.read(100, 50), tone(1.0)[100:150], atol=1 / 32_000)
    assert len(recording.read(RATE - 10, 50)) == 10
    assert len(recording.read(2 * RATE, 50)) == 0
    recording.close()


def test_a_later_start_finds_it_as_it_was(tmp_path: Path) -> None:
    recording = Recording.create(tmp_path, "r", RATE)
    recording.append(AudioChunk(tone(0.5), RATE, WORDS[:1]))
    recording.append(AudioChunk(tone(0.5), RATE, WORDS[1:]))
    recording.close()
    again = Recording.open(tmp_path, "r")
    assert again.words == list(WORDS)
    assert (again.sample_rate, again.seconds, again.is_complete) == (RATE, 1.0, True)
    assert again.peaks(10) == pytest.approx(recording.peaks(10), abs=1e-4)
    again.close()


def test_what_was_cut_off_in_writing_is_left_out(tmp_path: Path) -> None:
    recording = Recording.create(tmp_path, "r", RATE)
    recording.append(AudioChunk(tone(0.5), RATE, WORDS))
    recording.close()
    with (tmp_path / "r.pcm").open("ab") as audio:
        audio.write(b"\1")
    with (tmp_path / "r.json").open("a", encoding="utf-8") as notes:
        notes.write('{"words": [["half')
    again = Recording.open(tmp_path, "r")
    assert again.frames == RATE // 2
    assert again.words == list(WORDS)
    again.close()


@pytest.mark.parametrize("notes", ['{"sample_rate": 0}', '{"sample_rate": 8000}\n{"words": [["a", 1]]}'])
def test_metadata_that_is_invalid_is_damage(tmp_path: Path, notes: str) -> None:
    Recording.create(tmp_path, "r", RATE).close()
    (tmp_path / "r.json").write_text(notes, encoding="utf-8")
    with pytest.raises(OutputError, match="damaged"):
        Recording.open(tmp_path, "r")


def test_any_character_may_be_in_a_word(tmp_path: Path) -> None:
    words = tuple(WordTiming(text, 0.1, 0.2, (0, len(text))) for text in ("a\u2028b", "a\x85b", "a\nb", "😀"))
    recording = Recording.create(tmp_path, "r", RATE)
    recording.append(AudioChunk(tone(0.5), RATE, words))
    recording.close()
    again = Recording.open(tmp_path, "r")
    assert again.words == list(words)
    again.close()


@pytest.mark.parametrize("damage", ["gone", "empty", "nonsense"])
def test_a_recording_that_cannot_be_read_is_an_error(tmp_path: Path, damage: str) -> None:
    Recording.create(tmp_path, "r", RATE).close()
    if damage == "gone":
        Recording.delete(tmp_path, "r")
    else:
        (tmp_path / "r.json").write_text("" if damage == "empty" else "[1]\n{}\n", encoding="utf-8")
    with pytest.raises(OutputError, match=r"gone|damaged"):
        Recording.open(tmp_path, "r")


def test_the_word_at_a_time(tmp_path: Path) -> None:
    recording = Recording.create(tmp_path, "r", RATE)
    recording.append(AudioChunk(tone(1.0), RATE, WORDS))
    assert [recording.word_at(at) for at in (0.0, 0.1, 0.45, 0.5, 5.0)] == [None, 0, 0, 1, 1]
    recording.close()


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(0, 3_000), max_size=12), st.integers(1, 60))
def test_peaks_do_not_depend_on_how_the_audio_came(lengths: list[int], columns: int) -> None:
    import tempfile

    rng = np.random.default_rng(5)
    pieces = [rng.uniform(-1, 1, length).astype(np.float32) for length in lengths]
    with tempfile.TemporaryDirectory() as folder:
        pieced = Recording.create(Path(folder), "a", RATE)
        for piece in pieces:
            pieced.append(AudioChunk(piece, RATE))
        whole = Recording.create(Path(folder), "b", RATE)
        whole.append(AudioChunk(np.concatenate([np.zeros(0, np.float32), *pieces]), RATE))
        assert pieced.peaks(columns) == whole.peaks(columns)
        if pieced.frames:
            assert max(pieced.peaks(columns)) == pytest.approx(max(np.abs(p).max(initial=0) for p in pieces))
        pieced.close()
        whole.close()


@pytest.mark.parametrize("name", ["mp3", "opus", "aac", "flac", "wav", "pcm"])
def test_it_is_saved_in_any_format(tmp_path: Path, name: str) -> None:
    recording = Recording.create(tmp_path, "r", RATE)
    for _ in range(30):
        recording.append(AudioChunk(tone(1.0), RATE))
    recording.finish()
    target = tmp_path / f"saved.{name}"
    recording.save(target, name)
    if name == "pcm":
        assert target.stat().st_size == recording.bytes
    else:
        samples, rate = decode(target)
        assert len(samples) / rate == pytest.approx(30.0, abs=0.1)
    recording.close()


def test_an_unknown_format_leaves_no_file(tmp_path: Path) -> None:
    recording = Recording.create(tmp_path, "r", RATE)
    recording.append(AudioChunk(tone(1.0), RATE))
    with pytest.raises(UnsupportedFormatError):
        recording.save(tmp_path / "x.xyz", "xyz")
    assert not (tmp_path / "x.xyz").exists()
    recording.close()


def test_a_folder_that_does_not_exist_is_reported(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="cannot record"):
        Recording.create(tmp_path / "nowhere", "r", RATE)


@contextmanager
def full_disk(limit: int) -> Generator[None, None, None]:
    """Limit the size of files, in bytes."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


def test_a_full_disk_is_reported_and_loses_only_the_chunk_it_refused(tmp_path: Path) -> None:
    recording = Recording.create(tmp_path, "r", RATE)
    recording.append(AudioChunk(tone(0.1), RATE))
    with full_disk(10_001), pytest.raises(OutputError, match="cannot record"):
        recording.append(AudioChunk(tone(1.0), RATE))
    recording.append(AudioChunk(tone(0.2), RATE))
    recording.close()
    again = Recording.open(tmp_path, "r")
    assert again.frames == recording.frames
    assert np.allclose(again.read(0, RATE), np.concatenate([tone(0.1), tone(0.2)]), atol=1 / 32_000)
    again.close()


def test_what_is_closed_takes_no_more(tmp_path: Path) -> None:
    recording = Recording.create(tmp_path, "r", RATE)
    recording.close()
    with pytest.raises(OutputError, match="closed"):
        recording.append(AudioChunk(tone(0.1), RATE))
    with pytest.raises(OutputError):
        recording.read(0, 10)
