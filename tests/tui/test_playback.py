"""The device plays the recording sample by sample, and nothing after a stop."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tts_hub_tui.player.player import Player
from tts_hub_tui.storage.recording import Recording

from tests.tui.fake_audio import FakeSoundDevice
from tts_hub.types import AudioChunk, Samples

RATE = 24_000
WITHIN = 90.0


def noise(seconds: float, seed: int = 1) -> Samples:
    """Samples of 16 bit, none of them zero."""
    whole = np.random.default_rng(seed).integers(1, 32_000, round(seconds * RATE))
    return (whole / 32_768).astype(np.float32)


def until(holds: Callable[[], object]) -> None:
    limit = time.monotonic() + WITHIN
    while not holds():
        assert time.monotonic() < limit, "waited too long"
        time.sleep(0.002)


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> FakeSoundDevice:
    fake = FakeSoundDevice()
    monkeypatch.setitem(sys.modules, "sounddevice", fake)
    return fake


@pytest.fixture
def player(device: FakeSoundDevice) -> Generator[Player, None, None]:
    player = Player()
    player.open()
    yield player
    player.close()


@pytest.fixture
def recording(tmp_path: Path) -> Generator[Recording, None, None]:
    made = Recording.create(tmp_path, "r", RATE)
    yield made
    made.close()


def add(recording: Recording, samples: Samples) -> None:
    recording.append(AudioChunk(samples, RATE))


def sounding(samples: Samples) -> Samples:
    audible: Samples = samples[samples != 0.0]
    return audible


def test_what_is_played_is_the_recording(
    device: FakeSoundDevice, player: Player, recording: Recording
) -> None:
    device.hurry = 4.0  # the player must be able to read ahead, on a busy machine too
    samples = noise(3.0)
    add(recording, samples)
    recording.finish()
    player.play(recording)
    until(lambda: player.state == "idle")
    played = device.played
    first = int(np.flatnonzero(played)[0])
    assert np.array_equal(played[first : first + len(samples)], samples)
    assert player.underruns == 0
    assert player.position == pytest.approx(3.0)


def test_it_plays_gaplessly_while_the_recording_grows(
    device: FakeSoundDevice, player: Player, recording: Recording
) -> None:
    device.hurry = 4.0  # the test must be able to stay ahead, on a busy machine too
    samples = noise(6.0)
    add(recording, samples[:RATE])
    player.play(recording)
    rng, at = np.random.default_rng(2), RATE
    until(lambda: player.state == "playing")
    while at < len(samples):  # always ahead of playback
        length = int(rng.integers(1, 20_000))
        add(recording, samples[at : at + length])
        at += length
    recording.finish()
    until(lambda: player.state == "idle")
    played = device.played
    first = int(np.flatnonzero(played)[0])
    assert np.array_equal(played[first : first + len(samples)], samples)
    assert player.underruns == 0


def test_an_engine_that_is_too_slow_makes_pauses_but_costs_no_sample(
    device: FakeSoundDevice, player: Player, recording: Recording
) -> None:
    samples = noise(1.5)
    player.play(recording)
    for at in range(0, len(samples), 6_001):
        add(recording, samples[at : at + 6_001])
        until(lambda: player.state == "waiting" and player.position >= recording.seconds - 0.001)
    recording.finish()
    until(lambda: player.state == "idle")
    assert np.array_equal(sounding(device.played), samples)
    assert player.underruns >= 3


def test_nothing_is_played_after_the_block_in_which_stop_came(
    device: FakeSoundDevice, player: Player, recording: Recording
) -> None:
    device.by_hand = True
    add(recording, noise(5.0))
    player.play(recording)
    until(lambda: device.streams)
    (stream,) = device.streams
    until(lambda: stream.step().any())
    player.stop()
    assert not stream.step().any()
    assert player.state == "idle"
    until(lambda: stream.is_closed)


def test_pause_holds_the_very_next_sample(
    device: FakeSoundDevice, player: Player, recording: Recording
) -> None:
    device.by_hand = True
    samples = noise(2.0)
    add(recording, samples)
    recording.finish()
    player.play(recording)
    until(lambda: device.streams)
    (stream,) = device.streams
    until(lambda: stream.step().any())
    before = stream.step()
    player.pause()
    assert player.state == "paused"
    assert not stream.step().any()
    assert not stream.step().any()
    player.resume()
    after = stream.step()
    joined = np.concatenate([before, after])
    start = int(np.flatnonzero(samples == joined[0])[0])
    assert np.array_equal(samples[start : start + len(joined)], joined)


def test_playing_again_right_after_stop(
    device: FakeSoundDevice, player: Player, recording: Recording
) -> None:
    samples = noise(1.0)
    add(recording, samples)
    recording.finish()
    player.play(recording)
    until(lambda: player.position > 0.1)
    player.stop()
    player.play(recording)
    until(lambda: player.state == "idle" and player.position == pytest.approx(1.0))
    first, second = device.streams
    assert first.is_closed
    assert np.array_equal(sounding(np.concatenate(second.blocks)), samples)


def test_the_position_never_runs_backwards_nor_ahead_of_the_device(
    device: FakeSoundDevice, player: Player, recording: Recording
) -> None:
    device.hurry, device.latency = 1.0, 0.2
    add(recording, noise(1.0))
    recording.finish()
    player.play(recording)
    until(lambda: device.streams and device.streams[0].blocks)
    positions: list[float] = []
    began = time.monotonic()
    while player.state != "idle":
        positions.append(player.position)
        given = sum(len(block) for block in device.streams[0].blocks) / RATE
        assert positions[-1] <= given
        time.sleep(0.005)
    assert positions == sorted(positions)
    assert time.monotonic() - began >= 1.0  # not before the last sample has left the device


def test_seek_goes_there(device: FakeSoundDevice, player: Player, recording: Recording) -> None:
    samples = noise(2.0)
    add(recording, samples)
    recording.finish()
    player.play(recording)
    player.seek(1.5)
    until(lambda: player.state == "idle")
    assert np.array_equal(sounding(np.concatenate(device.streams[-1].blocks)), samples[round(1.5 * RATE) :])


def test_a_device_that_does_not_take_the_rate_gets_its_own(
    device: FakeSoundDevice, player: Player, recording: Recording
) -> None:
    device.rates = (44_100,)
    tone = np.sin(np.arange(RATE) * 2 * np.pi * 440 / RATE).astype(np.float32) * np.float32(0.5)
    add(recording, tone)
    recording.finish()
    player.play(recording)
    until(lambda: player.state == "idle")
    played = np.trim_zeros(device.played)
    assert abs(len(played) - 44_100) < 50
    spectrum = np.abs(np.fft.rfft(played))
    assert round(float(np.argmax(spectrum)) * 44_100 / len(played)) == pytest.approx(440, abs=2)


@pytest.mark.parametrize("noisily", [False, True])
def test_a_device_that_is_unplugged_is_reported_and_the_position_advances(
    device: FakeSoundDevice, player: Player, recording: Recording, noisily: bool
) -> None:
    add(recording, noise(0.6))
    recording.finish()
    device.hurry = 1.0
    player.play(recording)
    until(lambda: player.position > 0.1)
    device.streams[0].vanish(noisily=noisily)
    until(lambda: player.state == "idle")
    assert "disconnected" in player.silence_reason
    assert player.position == pytest.approx(0.6)
    assert device.streams[0].is_closed


def test_a_device_that_is_back_is_used_again(
    device: FakeSoundDevice, player: Player, recording: Recording
) -> None:
    device.refuses = True
    add(recording, noise(0.2))
    recording.finish()
    player.play(recording)
    until(lambda: player.silence_reason)
    device.refuses = False
    player.play(recording)
    until(lambda: player.state == "idle")
    assert (player.device, player.silence_reason) == ("Fake output", "")
    assert len(sounding(device.played)) == recording.frames


def test_a_device_without_mono_gets_the_same_on_both_sides(
    device: FakeSoundDevice, player: Player, recording: Recording
) -> None:
    device.channels = (2,)
    samples = noise(0.3)
    add(recording, samples)
    recording.finish()
    player.play(recording)
    until(lambda: player.state == "idle")
    assert np.array_equal(sounding(device.played), samples)


def test_a_device_that_does_not_start_is_closed(
    device: FakeSoundDevice, player: Player, recording: Recording
) -> None:
    device.starts = False
    player.play(recording)
    until(lambda: "Device unavailable" in player.silence_reason)
    assert all(stream.is_closed for stream in device.streams)


def test_a_recording_is_played_before_the_player_is_opened(
    device: FakeSoundDevice, recording: Recording
) -> None:
    player = Player()
    samples = noise(0.3)
    add(recording, samples)
    recording.finish()
    player.play(recording)
    until(lambda: player.state == "idle")
    assert player.device == "Fake output"
    assert np.array_equal(sounding(device.played), samples)
    player.close()


def test_the_position_is_behind_by_what_the_device_holds(
    device: FakeSoundDevice, player: Player, recording: Recording
) -> None:
    device.by_hand, device.latency = True, 1.9
    add(recording, noise(3.0))
    player.play(recording)
    until(lambda: device.streams)
    (stream,) = device.streams
    until(lambda: stream.step().any())
    for _ in range(20):
        stream.step()
    assert player.position < 0.2  # 0.4 s have been taken


def test_after_an_underrun_playback_waits_for_enough_audio(
    device: FakeSoundDevice, player: Player, recording: Recording
) -> None:
    add(recording, noise(0.2))
    player.play(recording)
    until(lambda: player.state == "waiting" and player.position >= 0.199)
    before = len(sounding(device.played))
    for _ in range(4):
        add(recording, noise(0.02))
        time.sleep(0.03)
    assert len(sounding(device.played)) == before
    add(recording, noise(0.02))
    until(lambda: len(sounding(device.played)) == recording.frames)


def test_a_recording_that_was_truncated_ends_there(
    device: FakeSoundDevice, player: Player, recording: Recording, tmp_path: Path
) -> None:
    add(recording, noise(2.0))
    recording.finish()
    os.truncate(tmp_path / "r.pcm", RATE)
    player.play(recording)
    until(lambda: player.state == "idle")
    assert len(sounding(device.played)) == RATE // 2


def test_nothing_of_the_sound_libraries_reaches_stderr(
    device: FakeSoundDevice, player: Player, recording: Recording, capfd: pytest.CaptureFixture[str]
) -> None:
    player.open()
    add(recording, noise(0.2))
    recording.finish()
    player.play(recording)
    until(lambda: player.state == "idle")
    player.close()
    os.write(2, b"still there")
    assert device.streams
    assert capfd.readouterr().err == "still there"


def test_a_device_that_refuses_is_reported(
    device: FakeSoundDevice, player: Player, recording: Recording
) -> None:
    device.refuses = True
    add(recording, noise(0.2))
    recording.finish()
    player.play(recording)
    until(lambda: player.state == "idle")
    assert "refuses" in player.silence_reason
    assert player.position == pytest.approx(0.2)


@pytest.mark.parametrize(
    ("prepare", "reason"),
    [
        (lambda patch: patch.setitem(sys.modules, "sounddevice", None), "pip install"),
        (lambda patch: patch.setattr("builtins.__import__", _import_without_portaudio), "PortAudio"),
        (lambda patch: patch.setattr("builtins.__import__", _import_that_fails_to_start), "does not start"),
        (lambda patch: patch.setitem(sys.modules, "sounddevice", _no_device()), "no audio device"),
    ],
    ids=["no package", "no library", "no start", "no device"],
)
def test_without_sound_the_position_advances(
    monkeypatch: pytest.MonkeyPatch,
    recording: Recording,
    prepare: Callable[[pytest.MonkeyPatch], None],
    reason: str,
) -> None:
    player = Player()
    with monkeypatch.context() as patch:
        prepare(patch)
        player.open()
    assert reason in player.silence_reason
    assert player.device == ""
    add(recording, noise(0.3))
    recording.finish()
    began = time.monotonic()
    player.play(recording)
    until(lambda: player.state == "idle")
    assert player.position == pytest.approx(0.3)
    assert time.monotonic() - began > 0.25
    player.close()


_original_import = __import__


def _import_without_portaudio(name: str, *args: Any, **kwargs: Any) -> Any:
    if name == "sounddevice":
        raise OSError("PortAudio library not found")
    return _original_import(name, *args, **kwargs)


def _import_that_fails_to_start(name: str, *args: Any, **kwargs: Any) -> Any:
    if name == "sounddevice":
        raise FakeSoundDevice.PortAudioError("Error initializing PortAudio: Internal error")
    return _original_import(name, *args, **kwargs)


def _no_device() -> FakeSoundDevice:
    fake = FakeSoundDevice()
    fake.has_device = False
    return fake
