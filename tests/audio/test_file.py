from __future__ import annotations

import os
import resource
import signal
import threading
import wave
from pathlib import Path

import av
import numpy as np
import pytest

from tests.audio.decoding import best_lag, decode
from tests.audio.naming import by_name
from tests.audio.signals import cut, speech
from tts_hub.audio.file import AudioFileWriter
from tts_hub.audio.formats import FLAC, FORMATS, MP3, PCM, WAV, AudioFormat
from tts_hub.errors import OutputError, UsageError

RATE = 24_000


def write(path: Path, audio_format: AudioFormat, seconds: float = 1.5) -> None:
    with AudioFileWriter(path, audio_format, RATE) as writer:
        for piece in cut(speech(RATE, seconds), [2_400]):
            writer.write(piece)
        writer.commit()


@pytest.mark.parametrize("audio_format", [each for each in FORMATS if each != PCM], ids=by_name)
def test_a_file_holds_what_was_written(audio_format: AudioFormat, tmp_path: Path) -> None:
    path = tmp_path / f"speech{audio_format.suffixes[0]}"
    write(path, audio_format)
    output, rate = decode(path)
    output = output[:: rate // RATE]
    lag, match = best_lag(speech(RATE, 1.5), output)
    assert match > 0.97
    if audio_format.name != "aac":
        assert lag == 0
        assert len(output) == round(1.5 * RATE)
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_a_wav_file_states_its_exact_length(tmp_path: Path) -> None:
    write(tmp_path / "a.wav", WAV)
    with wave.open(str(tmp_path / "a.wav")) as file:
        assert file.getnframes() == 36_000
    assert (tmp_path / "a.wav").stat().st_size == 44 + 72_000


@pytest.mark.parametrize("audio_format", [MP3, FLAC], ids=by_name)
def test_the_duration_is_in_the_header(audio_format: AudioFormat, tmp_path: Path) -> None:
    path = tmp_path / "speech"
    write(path, audio_format)
    with av.open(str(path)) as container:
        stream = container.streams.audio[0]
        assert stream.duration is not None
        assert stream.time_base is not None
        assert float(stream.duration * stream.time_base) == pytest.approx(1.5, abs=0.08)
    if audio_format == MP3:
        assert b"Info" in path.read_bytes()[:400] or b"Xing" in path.read_bytes()[:400]


def test_raw_samples_are_just_that(tmp_path: Path) -> None:
    write(tmp_path / "a.raw", PCM)
    assert (tmp_path / "a.raw").stat().st_size == 72_000


def test_the_old_file_stays_until_the_new_one_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(b"old")
    writer = AudioFileWriter(path, WAV, RATE)
    writer.write(speech(RATE, 0.5))
    assert path.read_bytes() == b"old"
    writer.commit()
    assert path.stat().st_size == 44 + 24_000


@pytest.mark.parametrize("audio_format", FORMATS, ids=by_name)
def test_discarding_leaves_nothing(audio_format: AudioFormat, tmp_path: Path) -> None:
    writer = AudioFileWriter(tmp_path / "a", audio_format, RATE)
    writer.write(speech(RATE, 1))
    writer.discard()
    writer.discard()
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(UsageError, match="takes no more"):
        writer.write(speech(RATE, 1))


def test_discarding_after_a_commit_keeps_the_file(tmp_path: Path) -> None:
    with AudioFileWriter(tmp_path / "a.wav", WAV, RATE) as writer:
        writer.commit()
        writer.discard()
    assert (tmp_path / "a.wav").exists()


def test_the_umask_sets_the_mode(tmp_path: Path) -> None:
    previous = os.umask(0o027)
    try:
        write(tmp_path / "a.wav", WAV)
    finally:
        os.umask(previous)
    assert (tmp_path / "a.wav").stat().st_mode & 0o777 == 0o640


def test_a_link_stays_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "a.wav").symlink_to(tmp_path / "real" / "b.wav")
    write(tmp_path / "a.wav", WAV)
    assert (tmp_path / "a.wav").is_symlink()
    assert (tmp_path / "real" / "b.wav").is_file()


@pytest.mark.parametrize("place", ["missing/a.wav", "folder", "file/a.wav"])
def test_a_place_that_takes_no_file_is_one_clear_error(place: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match=f"cannot write .*{place}: ") as caught:
        AudioFileWriter(tmp_path / place, WAV, RATE)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("audio_format", FORMATS, ids=by_name)
def test_a_disk_without_room_is_an_output_error_and_leaves_nothing(
    audio_format: AudioFormat, tmp_path: Path
) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8_000, limits[1]))
    try:
        with pytest.raises(OutputError, match="File too large"):
            write(tmp_path / "a", audio_format, seconds=20)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, previous)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("audio_format", FORMATS, ids=by_name)
def test_a_device_is_written_to_and_stays(audio_format: AudioFormat) -> None:
    write(Path("/dev/null"), audio_format, seconds=0.2)
    assert Path("/dev/null").is_char_device()
    with pytest.raises(OutputError, match="No space left"):
        write(Path("/dev/full"), audio_format)


def test_a_pipe_gets_a_live_stream(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    received: list[bytes] = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    write(pipe, FLAC)
    reader.join()
    assert np.abs(decode(received[0])[0] - speech(RATE, 1.5)).max() <= 0.5 / 32_768
    assert pipe.is_fifo()


def test_a_file_that_exists_is_kept_where_it_is_not_to_be_replaced(tmp_path: Path) -> None:
    path = tmp_path / "x.wav"
    path.write_text("precious")
    with pytest.raises(OutputError, match="exists already"):
        AudioFileWriter(path, WAV, RATE, replace=False)
    path.unlink()
    with AudioFileWriter(path, WAV, RATE, replace=False) as writer:
        path.write_text("came meanwhile")
        with pytest.raises(OutputError, match="exists already"):
            writer.commit()
    assert path.read_text() == "came meanwhile"
    assert list(tmp_path.iterdir()) == [path]


def test_a_device_is_written_to_where_nothing_is_to_be_replaced() -> None:
    with AudioFileWriter("/dev/null", WAV, RATE, replace=False) as writer:
        writer.commit()
