"""Audio on stdout and signs of progress on stderr: on a pipe, and on a terminal."""

from __future__ import annotations

import json
import os
import pty
import select
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest

from tests.audio.decoding import decode
from tests.cli.running import PATIENCE, PROGRAM, complaint, ended, install_engine, run, start, until
from tts_hub.cli.clock import Clock

LONG = "This is one of very many sentences that nobody will hear to the end. " * 2_000


def on_a_terminal(*arguments: str) -> tuple[int, str]:
    """Run with stdin and stderr on a pseudo terminal; return the exit code and the terminal's text."""
    here, there = pty.openpty()
    environ = os.environ | {"TERM": "xterm-256color", "COLUMNS": "100"}
    process = subprocess.Popen([PROGRAM, *arguments], stdin=there, stdout=there, stderr=there, env=environ)
    os.close(there)
    shown = b""
    try:
        while select.select([here], [], [], PATIENCE)[0]:
            shown += os.read(here, 65_536)
    except OSError:  # Linux says so when the other side is closed
        pass
    finally:
        os.close(here)
    return process.wait(PATIENCE), shown.decode()


@pytest.mark.parametrize("audio_format", ["mp3", "wav", "opus", "flac", "aac"])
def test_audio_on_stdout_is_one_valid_stream(audio_format: str) -> None:
    done = run("speak", "Hello there.", "-o", "-", "--format", audio_format, "--json")
    report = json.loads(done.stderr)
    samples, rate = decode(done.stdout)
    assert len(samples) / rate == pytest.approx(report["audio_seconds"], abs=0.15)


def test_stdout_may_be_a_file() -> None:
    with Path("x.flac").open("wb") as file:
        command = [PROGRAM, "speak", "Hello there.", "-o", "-", "--format", "flac", "--quiet"]
        subprocess.run(command, stdout=file, stdin=subprocess.DEVNULL, check=True, timeout=PATIENCE)
    assert len(decode(Path("x.flac"))[0]) > 6_000


def test_audio_comes_before_the_text_is_complete() -> None:
    process = start("speak", "-o", "-", "--format", "wav", "--quiet")
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(
        b"The first sentence is here, and it is complete. The second one has only just, and not long ago,"
    )
    process.stdin.flush()
    early = b""
    while len(early) < 48_000:  # a second of audio
        assert select.select([process.stdout], [], [], PATIENCE)[0], "no audio while stdin was open"
        early += os.read(process.stdout.fileno(), 65_536)
    assert process.poll() is None
    with process:
        rest, said = process.communicate(b" begun to be written.", timeout=PATIENCE)
    assert (process.returncode, said) == (0, b"")
    samples, rate = decode(early + rest)
    assert len(samples) / rate > 4.0


def test_a_reader_that_goes_away_ends_it_with_one_line() -> None:
    Path("long").write_text(LONG)
    process = start("speak", "--file", "long", "-o", "-")
    assert process.stdout is not None
    assert len(process.stdout.read(100)) == 100
    process.stdout.close()
    assert process.stderr is not None
    said = process.stderr.read().decode()
    with process:
        code = process.wait(PATIENCE)
    assert "stdout was closed after" in complaint(code, said)


def test_a_full_disk_behind_stdout_is_an_error() -> None:
    for command in (["speak", "Hello.", "-o", "-"], ["speak", "Hello.", "-o", "x.wav", "--json"], ["voices"]):
        with Path("/dev/full").open("wb") as full:
            done = subprocess.run(
                [PROGRAM, *command], stdout=full, stderr=subprocess.PIPE, check=False, timeout=PATIENCE
            )
        assert "cannot write to stdout: No space left" in complaint(done.returncode, done.stderr.decode())


def test_a_closed_stdout_is_an_error() -> None:
    command = ["/bin/sh", "-c", f"exec {PROGRAM} speak Hello. -o - >&-"]
    done = subprocess.run(command, stderr=subprocess.PIPE, check=False, timeout=PATIENCE)
    assert complaint(done.returncode, done.stderr.decode()) == "cannot write to stdout: it is closed"


def test_the_head_of_a_list_ends_without_a_traceback() -> None:
    process = start("voices")
    assert process.stdout is not None
    process.stdout.close()
    assert process.stderr is not None
    assert process.stderr.read() == b""
    with process:
        assert process.wait(PATIENCE) == 1


def test_no_progress_bar_in_a_pipe() -> None:
    done = run("speak", "Hello. And again, hello.", "-o", "x.wav")
    assert done.stdout == b""
    (line,) = done.stderr.splitlines()
    assert b"\x1b" not in line


def test_a_progress_bar_on_a_terminal() -> None:
    code, shown = on_a_terminal("speak", "Hello. " * 60, "-o", "x.wav")
    assert code == 0
    assert "\x1b[" in shown
    assert "s of speech" in shown
    assert "━" in shown
    assert "x.wav: " in shown.splitlines()[-1]


def test_no_progress_bar_when_quiet() -> None:
    assert on_a_terminal("speak", "Hello.", "-o", "x.wav", "--quiet") == (0, "")


def test_no_text_on_a_terminal_is_an_error_at_once() -> None:
    code, shown = on_a_terminal("speak", "-o", "x.wav")
    assert "nothing to speak: give TEXT, --file, or text on stdin" in complaint(code, shown)
    assert not list(Path().iterdir())


def test_a_stalled_reader_does_not_hold_up_the_end() -> None:
    Path("long").write_text(LONG)
    process = start("speak", "--file", "long", "-o", "-", "--format", "wav")
    stdout = process.stdout
    assert stdout is not None
    until(lambda: select.select([stdout], [], [], 0)[0])
    process.terminate()
    assert process.wait(PATIENCE) == 130
    assert ended(process) == "interrupted\n"


BUSY = """
import ctypes, os
from tts_hub.testing import FakeBackend

class Engine(FakeBackend):
    name = "busy"

    def __init__(self, settings=None):
        super().__init__(settings, name="busy")

    async def load(self, on_progress):
        descriptor = os.open("gate", os.O_RDWR)
        ctypes.PyDLL(None).read(descriptor, ctypes.create_string_buffer(1), 1)  # no Python runs meanwhile
        os.close(descriptor)
        await super().load(on_progress)
"""


def test_the_clock_ticks_while_an_engine_that_loads_keeps_python_from_drawing(tmp_path: Path) -> None:
    os.mkfifo("gate")
    path = install_engine(tmp_path / "plugins", "busy", BUSY)
    here, there = pty.openpty()
    process = subprocess.Popen(
        [PROGRAM, "speak", "Hello.", "-m", "busy", "-o", "x.wav"],
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=there,
        env=os.environ | {"TERM": "xterm-256color", "COLUMNS": "100", "PYTHONPATH": path},
    )  # fmt: skip
    os.close(there)
    shown = b""
    try:
        while b"\r0:00:03\r" not in shown:
            assert select.select([here], [], [], PATIENCE)[0], shown
            shown += os.read(here, 65_536)
        Path("gate").write_bytes(b".")
        with suppress(OSError):  # Linux says so when the other side is closed
            while data := os.read(here, 65_536):
                shown += data
    finally:
        os.close(here)
        process.kill() if process.poll() is None and b"x.wav: " not in shown else None
    assert process.wait(PATIENCE) == 0
    assert b"\r0:00:02\r" in shown
    assert b"x.wav: " in shown.splitlines()[-1]


def test_the_clock_ends_with_the_program(tmp_path: Path) -> None:
    clock = Clock(0.0)
    process = clock._process
    assert process is not None
    clock.beat()
    clock.stop()
    clock.beat()
    clock.stop()
    assert process.returncode == 0
