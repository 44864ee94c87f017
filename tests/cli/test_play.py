"""`tts-hub speak --play`: through sounddevice, or a player program of the machine."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from tests.audio.decoding import decode, decode_s16le
from tests.cli.running import PATIENCE, complaint, ended, invoke, start, until
from tts_hub.cli.player import PROGRAMS

COPIES = 'echo "$@" > arguments; exec /bin/cat > played\n'
LONG = "This is one of very many sentences that nobody will hear to the end. " * 2_000
Install = Callable[[str, str], Path]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """Put player programs alone on the PATH, and make sounddevice unavailable."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setitem(sys.modules, "sounddevice", None)

    def program(name: str, script: str) -> Path:
        path = tmp_path / name
        path.write_text(f"#!/bin/sh\n{script}")
        path.chmod(0o755)
        return path

    return program


class FakeSoundDevice(ModuleType):
    """The parts of the module `sounddevice` that we use."""

    class PortAudioError(Exception):
        pass

    def __init__(self) -> None:
        super().__init__("sounddevice")
        self.fails_at: str | None = None
        self.calls: list[str] = []
        self.heard: list[np.ndarray] = []
        self.shape: dict[str, Any] = {}

    def query_devices(self, kind: str) -> dict[str, Any]:
        assert kind == "output"
        if self.fails_at == "query":
            raise self.PortAudioError("Error querying device -1")
        return {}

    def OutputStream(self, **shape: Any) -> FakeSoundDevice:
        self.shape = shape
        return self

    def write(self, samples: np.ndarray) -> None:
        self.heard.append(samples)
        if self.fails_at == "write":
            raise self.PortAudioError("unplugged")

    def start(self) -> None:
        self.calls.append("start")
        if self.fails_at == "start":
            raise self.PortAudioError("no device")

    def stop(self) -> None:
        self.calls.append("stop")

    def close(self) -> None:
        self.calls.append("close")


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> FakeSoundDevice:
    device = FakeSoundDevice()
    monkeypatch.setitem(sys.modules, "sounddevice", device)
    return device


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_player_program_gets_all_the_samples_and_their_rate(install: Install, name: str) -> None:
    install(name, COPIES)
    done = invoke("speak", "Hello there.", "--play", "-o", "x.wav")
    assert done.exit_code == 0, done.stderr
    samples, rate = decode(Path("x.wav"))
    assert decode_s16le(Path("played").read_bytes()) == pytest.approx(samples, abs=1e-4)
    assert str(rate) in Path("arguments").read_text()


def test_playing_alone_writes_no_file(install: Install) -> None:
    install("aplay", "exec /bin/cat > /dev/null\n")
    done = invoke("speak", "Hello there.", "--play")
    assert done.exit_code == 0
    assert done.stderr.startswith("played: ")
    assert not list(Path().iterdir())


def test_without_the_package_the_error_says_what_to_install(install: Install) -> None:
    done = invoke("speak", "Hello there.", "--play", "-o", "x.wav")
    said = complaint(done.exit_code, done.stderr)
    assert said.startswith("no audio output found: the Python package sounddevice is not installed")
    assert "to fix: pip install sounddevice" in said
    assert "aplay" in said
    assert not list(Path().iterdir())


@pytest.mark.parametrize(
    ("platform", "command"),
    [("linux", "sudo apt install libportaudio2"), ("darwin", "brew install portaudio")],
)
def test_without_the_c_library_the_error_says_what_to_install(
    install: Install, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str, command: str
) -> None:
    (tmp_path / "sounddevice.py").write_text("raise OSError('PortAudio library not found')")
    monkeypatch.delitem(sys.modules, "sounddevice")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "platform", platform)
    done = invoke("speak", "Hello there.", "--play")
    said = complaint(done.exit_code, done.stderr)
    assert said.startswith(
        f"no audio output found: the PortAudio library is not installed (to fix: {command}"
    )
    assert "pip" not in said


def test_a_missing_sound_device_is_an_error(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    device = FakeSoundDevice()
    device.fails_at = "query"
    monkeypatch.setitem(sys.modules, "sounddevice", device)
    done = invoke("speak", "Hello there.", "--play")
    said = complaint(done.exit_code, done.stderr)
    assert said.startswith("no audio output found: this machine has no loudspeaker")
    assert "install" not in said


def test_a_player_program_is_used_where_portaudio_sees_no_device(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = FakeSoundDevice()
    device.fails_at = "query"
    monkeypatch.setitem(sys.modules, "sounddevice", device)
    install("paplay", COPIES)
    assert invoke("speak", "Hello there.", "--play").exit_code == 0
    assert Path("played").stat().st_size > 10_000


def test_a_failure_of_the_player_is_reported_while_the_engine_waits_for_its_text(
    install: Install, tmp_path: Path
) -> None:
    install("paplay", "echo no sound card >&2; exit 3\n")
    (tmp_path / "sounddevice.py").write_text("raise ImportError")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    process = start("speak", "--play", PYTHONPATH=path)  # its stdin stays open and empty
    code = process.wait(PATIENCE)
    assert "no sound card" in complaint(code, ended(process))


@pytest.mark.parametrize("text", ["Hello.", LONG[:2_000]], ids=["at-the-end", "in-the-middle"])
def test_a_failure_of_the_player_is_reported_in_its_own_words(install: Install, text: str) -> None:
    install("paplay", "/usr/bin/head -c 100 > /dev/null; echo no sound card >&2; exit 3\n")
    done = invoke("speak", text, "--play", "-o", "x.wav")
    assert "no sound card" in complaint(done.exit_code, done.stderr)
    assert not list(Path().iterdir())


def test_a_player_that_cannot_be_run_is_an_error(install: Install) -> None:
    install("paplay", "").write_text("no program")
    done = invoke("speak", "Hello.", "--play", "-o", "x.wav")
    assert "cannot run" in complaint(done.exit_code, done.stderr)
    assert not list(Path().iterdir())


def test_no_player_is_started_for_a_file_that_cannot_be_written(install: Install) -> None:
    install("paplay", COPIES)
    done = invoke("speak", "Hello.", "--play", "-o", "nowhere/x.wav")
    assert "nowhere/x.wav" in complaint(done.exit_code, done.stderr)
    assert not Path("arguments").exists()


def test_an_end_by_signal_ends_the_player(install: Install, tmp_path: Path) -> None:
    install("paplay", "echo $$ > pid.new; /bin/mv pid.new pid; exec /bin/sleep 60\n")
    (tmp_path / "sounddevice.py").write_text("raise ImportError")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    Path("long").write_text(LONG)
    process = start("speak", "--file", "long", "--play", PYTHONPATH=path)
    until(Path("pid").exists)
    process.send_signal(signal.SIGTERM)
    said = ended(process)
    assert (process.returncode, said) == (130, "interrupted\n")
    with pytest.raises(ProcessLookupError):
        os.kill(int(Path("pid").read_text()), 0)


def test_sounddevice_is_used_where_it_is_installed(device: FakeSoundDevice) -> None:
    done = invoke("speak", "Hello there.", "--play", "-o", "x.wav")
    assert done.exit_code == 0, done.stderr
    samples, rate = decode(Path("x.wav"))
    assert device.shape == {"samplerate": rate, "channels": 1, "dtype": "float32"}
    assert np.concatenate(device.heard)[:, 0] == pytest.approx(samples, abs=1e-4)
    assert device.calls == ["start", "stop", "close"]


@pytest.mark.parametrize(("moment", "message"), [("start", "no device"), ("write", "unplugged")])
def test_a_sound_device_that_fails_is_an_error(device: FakeSoundDevice, moment: str, message: str) -> None:
    device.fails_at = moment
    done = invoke("speak", "Hello there.", "--play", "-o", "x.wav")
    assert message in complaint(done.exit_code, done.stderr)
    assert not list(Path().iterdir())
