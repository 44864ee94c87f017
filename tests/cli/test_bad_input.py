"""Wrong input: one clear line, no traceback, and nothing left behind."""

from __future__ import annotations

import os
import stat
import subprocess
from pathlib import Path

import pytest

from tests.cli.running import (
    PATIENCE,
    PROGRAM,
    breaking_engine,
    complaint,
    invoke,
    loading_engine,
    run,
    start,
)
from tts_hub import TTSBackendManager
from tts_hub.errors import OutputError
from tts_hub.testing import FakeBackend

OUT = ["-o", "x.wav"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["", *OUT], "the text is empty"),
        ([" \n\t ", *OUT], "white space"),
        (["a\udcffb", *OUT], "lone surrogate"),
        (["Hello. [pause:soon]", *OUT], "[pause:soon]"),
        (["Hello.", *OUT, "--voice", "en-uss"], "unknown voice 'en-uss'; did you mean 'en-us'"),
        (["Hello.", *OUT, "--voice", "en-us+f33"], "no variant 'f33'"),
        (["Hello.", *OUT, "--model", "espeek"], "unknown model 'espeek'; did you mean 'espeak'"),
        (["Hello.", *OUT, "--fallback", "nobody"], "unknown model 'nobody'"),
        (["Hello.", *OUT, "--language", "tlh"], "'tlh'"),
        (["Hello.", *OUT, "--voice", "de", "--language", "fr"], "not 'fr'"),
        (["Hello.", *OUT, "--format", "mp4"], "no audio format 'mp4'"),
        (["Hello.", "-o", "x.mov"], "suffix '.mov'"),
        (["Hello.", "-o", ""], "cannot tell the audio format"),
        (["Hello.", *OUT, "--option", "wobble=1"], "wobble"),
        (["Hello.", *OUT, "--option", "pitch=100"], "pitch"),
        (["Hello.", *OUT, "--option", "pitch"], "must have the form NAME=VALUE"),
        (["Hello.", *OUT, "--speed", "4.1"], "speed is 4.1"),
        (["Hello.", *OUT, "--speed", "nan"], "speed is nan"),
        (["Hello.", *OUT, "--speed", "fast"], "'fast' is not a valid float"),
        (["Hello.", *OUT, "--sample-rate", "100"], "is 100"),
        (["Hello.", "-o", "x.opus", "--sample-rate", "44100"], "opus cannot be written at 44100 Hz"),
        (["Hello.", "-o", "nowhere/x.wav"], "cannot write"),
        (["Hello.", "-o", ".", "--format", "wav"], "it is a folder"),
        (["Hello.", "-o", "/proc/x.wav"], "cannot write /proc/x.wav"),
        (["Hello.", *OUT, "--captions", "x.txt"], "'.txt'"),
        (["Hello.", *OUT, "--captions", "nowhere/x.srt"], "there is no folder nowhere"),
        (["--file", "missing.txt", *OUT], "cannot read missing.txt: No such file"),
        (["--file", ".", *OUT], "cannot read .: Is a directory"),
    ],
)
def test_wrong_arguments_are_refused_with_one_line(arguments: list[str], message: str) -> None:
    done = invoke("speak", *arguments)
    assert message in complaint(done.exit_code, done.stderr)
    assert done.stdout == ""
    assert not list(Path().iterdir())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the text is empty"),
        (b"Hello \x00 there.", "U+0000 (NUL) at position 6"),
        (b"A long enough beginning of a text. " * 20 + b"Then \x07 this.", "U+0007"),
        (b"Hello \xff there.", "is not UTF-8"),
        (b"cut off \xc3", "is not UTF-8"),
    ],
)
@pytest.mark.parametrize("way", ["stdin", "file"])
def test_a_wrong_text_is_refused_with_one_line(
    way: str, content: bytes, message: str, tmp_path: Path
) -> None:
    if way == "stdin":
        process = run("speak", *OUT, stdin=content)
        code, said = process.returncode, process.stderr.decode()
    else:
        (tmp_path / "text").write_bytes(content)
        done = invoke("speak", "--file", str(tmp_path / "text"), *OUT)
        code, said = done.exit_code, done.stderr
    assert message in complaint(code, said)
    assert not list(Path().iterdir())


def test_a_wrong_text_is_an_error_while_stdin_stays_open() -> None:
    process = start("speak", *OUT)
    assert process.stdin is not None
    assert process.stderr is not None
    process.stdin.write(b"Hello \x00 there.")
    process.stdin.flush()
    code = process.wait(PATIENCE)
    with process:
        assert "U+0000" in complaint(code, process.stderr.read().decode())


def test_a_closed_stdin_is_an_error() -> None:
    command = ["/bin/sh", "-c", f"exec {PROGRAM} speak - -o x.wav <&-"]
    done = subprocess.run(command, capture_output=True, check=False, timeout=PATIENCE)
    assert complaint(done.returncode, done.stderr.decode()) == "cannot read stdin: it is closed"


def test_a_run_that_fails_leaves_the_old_file_as_it_was(tmp_path: Path) -> None:
    Path("x.wav").write_text("precious")
    text = "The first sentence is spoken. The second one fails."
    path = breaking_engine(tmp_path / "plugins")
    done = run("speak", text, *OUT, "-m", "breaking", "--captions", "x.srt", PYTHONPATH=path)
    said = complaint(done.returncode, done.stderr.decode())
    assert said == f"scripted failure in segment 1 (at character {text.index('The second')} of the text)"
    assert Path("x.wav").read_text() == "precious"
    assert [file.name for file in Path().iterdir()] == ["x.wav"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "nowhere/x.wav"], "cannot write nowhere/x.wav: there is no folder "),
        (["-o", "/proc/x.wav"], "cannot write /proc/x.wav"),
        (["-o", "x.mov"], "suffix '.mov'"),
        (["-o", "folder", "--format", "wav"], "it is a folder"),
        (["-o", "x.opus", "--sample-rate", "44100"], "opus cannot be written at 44100 Hz"),
        (["-o", "old.wav", "--no-clobber"], "cannot write old.wav: it exists already"),
        (["-o", "x.wav", "--captions", "nowhere/x.srt"], "there is no folder nowhere"),
        (["-o", "x.wav", "--captions", "folder/x.txt"], "'.txt'"),
        (["-o", "x.wav", "--captions", "old.srt", "--no-clobber"], "old.srt: it exists already"),
        (["--play"], "no audio output found"),
    ],
)
def test_an_output_that_cannot_be_written_is_an_error_before_an_engine_is_loaded(
    arguments: list[str], message: str, tmp_path: Path
) -> None:
    Path("folder").mkdir()
    Path("old.wav").write_text("precious")
    Path("old.srt").write_text("precious")
    path = loading_engine(tmp_path / "plugins")
    (tmp_path / "plugins" / "sounddevice.py").write_text("raise ImportError")
    done = run("speak", "Hello.", "-m", "loading", *arguments, PYTHONPATH=path, PATH="")
    assert message in complaint(done.returncode, done.stderr.decode())
    assert {file.name for file in Path().iterdir()} == {"folder", "old.wav", "old.srt"}
    assert Path("old.wav").read_text() == "precious"


def test_the_engine_of_these_tests_shows_that_it_is_loaded(tmp_path: Path) -> None:
    path = loading_engine(tmp_path / "plugins")
    assert run("speak", "Hello.", "-m", "loading", "-o", "x.wav", PYTHONPATH=path).returncode == 0
    assert Path("loaded").exists()


@pytest.mark.anyio
async def test_the_library_too_looks_at_the_file_before_it_loads_an_engine() -> None:
    fake = FakeBackend()
    async with TTSBackendManager(discover=False) as manager:
        manager.register(fake)
        with pytest.raises(OutputError, match="no folder"):
            await manager.save("Hello.", "nowhere/x.wav", model="fake")
        assert [engine.state for engine in manager.status()] == ["unloaded"]


def test_a_device_is_written_to_and_not_replaced() -> None:
    done = invoke("speak", "Hello.", "-o", "/dev/null", "--format", "mp3")
    assert done.exit_code == 0, done.stderr
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)


def test_an_unknown_command_is_an_error() -> None:
    done = invoke("speek")
    assert "No such command 'speek'" in complaint(done.exit_code, done.stderr)
