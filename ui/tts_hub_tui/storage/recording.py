"""A recording on disk: readable while it is written, and after the next start."""

from __future__ import annotations

import io
import json
import os
import threading
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import IO, Any

import numpy as np

from tts_hub.audio.file import AudioFileWriter
from tts_hub.audio.formats import find_format
from tts_hub.audio.pcm import to_s16le
from tts_hub.errors import OutputError
from tts_hub.types import AudioChunk, Samples, WordTiming
from tts_hub_tui.storage.peaks import PeakIndex

SAMPLE_BYTES = 2
FULL_SCALE = 32_768.0
BUCKET_SECONDS = 0.02
"""Seconds of audio for each entry of the peak index."""
PIECE_SAMPLES = 240_000
"""Samples that are read at once."""
VERSION = 1


class Recording:
    """The audio of one text: `<name>.pcm`, 16 bit mono, and its metadata `<name>.json`, one object a line.

    One thread appends while others read. Only the words and the peak index are in memory.
    """

    def __init__(
        self, folder: Path, name: str, sample_rate: int, audio: IO[bytes], metadata: IO[str]
    ) -> None:
        """Call `create` or `open` instead."""
        self.name = name
        self.sample_rate = sample_rate
        """The sample rate in Hz."""
        self.frames = 0
        """The number of samples that can be read."""
        self.words: list[WordTiming] = []
        """The words in order; seconds from the start, characters of the whole text."""
        self.is_complete = False
        """No more audio will be appended."""
        self._folder = folder
        self._audio = audio
        self._metadata = metadata
        self._starts: list[float] = []
        self._peaks = PeakIndex(round(sample_rate * BUCKET_SECONDS))
        self._lock = threading.Lock()

    @classmethod
    def create(cls, folder: Path, name: str, sample_rate: int) -> Recording:
        """Create a recording, or replace the one that has the same name.

        Raises:
            OutputError: the folder or the disk refuses.
        """
        with ExitStack() as opened:
            try:
                audio = opened.enter_context(_audio_file(folder, name).open("w+b", buffering=0))
                metadata = opened.enter_context(_metadata_file(folder, name).open("w", encoding="utf-8"))
                recording = cls(folder, name, sample_rate, audio, metadata)
                recording._write_metadata({"version": VERSION, "sample_rate": sample_rate})
            except OSError as exc:
                raise OutputError(f"cannot record in {folder}: {exc.strerror}") from exc
            opened.pop_all()
        return recording

    @classmethod
    def open(cls, folder: Path, name: str) -> Recording:
        """Open a recording of an earlier time, without a sample or line that was written only in part.

        Raises:
            OutputError: it is not there any more, or is damaged.
        """
        try:
            lines = list(_lines(_metadata_file(folder, name)))
            rate = int(lines[0]["sample_rate"])
            if rate <= 0:
                raise ValueError(rate)
            words = [_word(row) for line in lines for row in line.get("words", ())]
            audio = _audio_file(folder, name).open("rb", buffering=0)
        except OSError as exc:
            raise OutputError(f"the recording is gone: {exc.filename}: {exc.strerror}") from exc
        except (IndexError, KeyError, TypeError, ValueError) as exc:
            raise OutputError(f"the recording {name} in {folder} is damaged") from exc
        recording = cls(folder, name, rate, audio, io.StringIO())
        recording.frames = os.fstat(audio.fileno()).st_size // SAMPLE_BYTES
        recording.is_complete = True
        recording._add_words(words)
        for start in range(0, recording.frames, PIECE_SAMPLES):
            recording._peaks.append(recording.read(start, PIECE_SAMPLES))
        return recording

    @staticmethod
    def delete(folder: Path, name: str) -> None:
        """Remove the files of a recording, if they are there."""
        for path in (_audio_file(folder, name), _metadata_file(folder, name)):
            with suppress(OSError):
                path.unlink()

    @staticmethod
    def names(folder: Path) -> list[str]:
        """The names of the recordings in a folder."""
        return [file.stem for file in folder.glob("*.pcm")]

    @staticmethod
    def measure(folder: Path, name: str) -> tuple[int, float]:
        """The size in bytes and the length in seconds, without opening it; zeros if it cannot be read."""
        try:
            size = _audio_file(folder, name).stat().st_size
            rate = int(next(_lines(_metadata_file(folder, name)))["sample_rate"])
            return size, size / SAMPLE_BYTES / rate
        except (KeyError, OSError, StopIteration, TypeError, ValueError, ZeroDivisionError):
            return 0, 0.0

    @property
    def seconds(self) -> float:
        """The length of what can be read."""
        return self.frames / self.sample_rate

    @property
    def bytes(self) -> int:
        """The size of the audio on disk."""
        return self.frames * SAMPLE_BYTES

    def append(self, chunk: AudioChunk) -> None:
        """Add audio at the recording's rate, and its words.

        Raises:
            OutputError: the disk refuses, or the recording is closed.
        """
        try:
            rest = memoryview(to_s16le(chunk.samples))
            while rest:
                rest = rest[self._audio.write(rest) :]
            if chunk.words:
                self._write_metadata({"words": [[w.text, w.start, w.end, *w.span] for w in chunk.words]})
        except (OSError, ValueError) as exc:
            self._truncate()
            reason = exc.strerror if isinstance(exc, OSError) else "it is closed"
            raise OutputError(f"cannot record in {self._folder}: {reason}") from exc
        with self._lock:
            self._peaks.append(chunk.samples)
            self._add_words(chunk.words)
            self.frames += len(chunk.samples)

    def finish(self) -> None:
        """Note that no more audio will be appended."""
        self.is_complete = True
        with suppress(OSError, ValueError):
            self._metadata.close()

    def close(self) -> None:
        """Finish, and close the files."""
        self.finish()
        self._audio.close()

    def read(self, start: int, frames: int) -> Samples:
        """Samples from `start` on, shape (T,); T is at most `frames`, and less at the end.

        Raises:
            OutputError: the disk refuses, or the recording is closed.
        """
        available = max(0, min(frames, self.frames - start))
        try:
            data = os.pread(self._audio.fileno(), available * SAMPLE_BYTES, start * SAMPLE_BYTES)
        except (OSError, ValueError) as exc:
            raise OutputError(f"cannot read the recording {self.name}: {exc}") from exc
        whole = len(data) - len(data) % SAMPLE_BYTES
        return np.frombuffer(data[:whole], "<i2").astype(np.float32) / np.float32(FULL_SCALE)

    def peaks(self, columns: int) -> list[float]:
        """The largest magnitude, 0 to 1, in each of `columns` equal parts of the recording."""
        with self._lock:
            return self._peaks.columns(columns)

    def word_at(self, seconds: float) -> int | None:
        """The index of the word that is spoken at a time, or was spoken last; None before the first."""
        index = bisect_right(self._starts, seconds) - 1
        return index if index >= 0 else None

    def save(self, path: Path, response_format: str) -> None:
        """Write all of the audio to a file. Blocks.

        Raises:
            OutputError: it cannot be written.
            AudioError: the codec refuses.
            UnsupportedOptionError: the format does not have the recording's rate.
        """
        with AudioFileWriter(path, find_format(response_format), self.sample_rate) as writer:
            for start in range(0, self.frames, PIECE_SAMPLES):
                writer.write(self.read(start, PIECE_SAMPLES))
            writer.commit()

    def _truncate(self) -> None:
        """Remove the part of a chunk that was written before the disk failed."""
        with suppress(OSError, ValueError):
            self._audio.truncate(self.bytes)
            self._audio.seek(self.bytes)

    def _add_words(self, words: Sequence[WordTiming]) -> None:
        self.words.extend(words)
        self._starts.extend(word.start for word in words)

    def _write_metadata(self, values: dict[str, Any]) -> None:
        self._metadata.write(json.dumps(values, ensure_ascii=False) + "\n")
        self._metadata.flush()


def _word(row: Sequence[Any]) -> WordTiming:
    text, start, end, first, last = row
    return WordTiming(str(text), float(start), float(end), (int(first), int(last)))


def _lines(file: Path) -> Iterator[dict[str, Any]]:
    """The JSON objects in a file, one a line; lines that were written only in part are left out."""
    for line in file.read_text(encoding="utf-8", errors="replace").split("\n"):
        try:
            values = json.loads(line)
        except ValueError:
            continue
        if isinstance(values, dict):
            yield values


def _audio_file(folder: Path, name: str) -> Path:
    return folder / f"{name}.pcm"


def _metadata_file(folder: Path, name: str) -> Path:
    return folder / f"{name}.json"
