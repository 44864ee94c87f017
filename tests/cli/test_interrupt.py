"""Ctrl-C and SIGTERM: an end within moments, and no partial file."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import anyio
import anyio.lowlevel
import pytest

from tests.cli.running import PATIENCE, ended, start, until
from tts_hub.audio.formats import find_format
from tts_hub.cli.sinks import open_file

SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
LONG = "This is one of very many sentences that nobody will hear to the end. " * 20_000


def part_is_being_written() -> bool:
    return any(part.stat().st_size > 20_000 for part in Path().glob(".tts-hub-*"))


@pytest.mark.parametrize("number", SIGNALS, ids=lambda s: s.name)
def test_a_signal_in_the_middle_leaves_no_file(number: signal.Signals) -> None:
    Path("long").write_text(LONG)
    process = start("speak", "--file", "long", "-o", "x.mp3", "--captions", "x.srt")
    until(part_is_being_written)
    process.send_signal(number)
    said = ended(process)
    assert (process.returncode, said) == (130, "interrupted\n")
    assert [file.name for file in Path().iterdir()] == ["long"]


@pytest.mark.parametrize("number", SIGNALS, ids=lambda s: s.name)
def test_a_signal_while_stdin_is_silent_ends_it(number: signal.Signals) -> None:
    Path("x.mp3").write_text("precious")
    process = start("speak", "-o", "x.mp3")
    assert process.stdin is not None
    process.stdin.write(b"One whole sentence is here.\n")
    process.stdin.flush()
    until(lambda: list(Path().glob(".tts-hub-*")))
    process.send_signal(number)
    code = process.wait(PATIENCE)
    assert code == 130
    assert ended(process) == "interrupted\n"
    assert Path("x.mp3").read_text() == "precious"
    assert [file.name for file in Path().iterdir()] == ["x.mp3"]


@pytest.mark.anyio
async def test_a_pipe_without_a_reader_can_be_left() -> None:
    os.mkfifo("x.wav")
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: open_file("x.wav", find_format("wav"), 24_000, replace=True))
        for _ in range(3):
            await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()


def test_a_pipe_is_written_when_its_reader_has_come() -> None:
    os.mkfifo("x.wav")
    process = start("speak", "Hello there.", "-o", "x.wav", "--quiet")
    heard = Path("x.wav").read_bytes()
    assert ended(process) == ""
    assert heard[:4] == b"RIFF"
    assert len(heard) > 20_000
    assert Path("x.wav").is_fifo()


def test_sigterm_ends_it_where_ctrl_c_is_ignored() -> None:
    Path("long").write_text(LONG)
    process = start("speak", "--file", "long", "-o", "x.mp3", ctrl_c=signal.SIG_IGN)  # as behind `&`
    until(part_is_being_written)
    process.send_signal(signal.SIGTERM)
    assert ended(process) == "interrupted\n"
    assert process.returncode == 130
    assert [file.name for file in Path().iterdir()] == ["long"]
