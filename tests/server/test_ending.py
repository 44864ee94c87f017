"""Signals to `tts-hub serve`: no traceback, the right exit code, and the second one ends it soon."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.server.conftest import PATIENCE, wait_for
from tests.server.test_shutdown import book, running

IMPORTING = """
import signal, sys, threading
taken = threading.Event()
take = signal.signal

def noted(number, handler):
    before = take(number, handler)
    if number == signal.SIGHUP and not taken.is_set():
        taken.set()
        print("taken", flush=True)
        sys.stdin.readline()
    return before

signal.signal = noted
from tts_hub.cli import main
main()
"""
"""The command, which waits for a line after it has taken the signals and before it imports the server."""
SOON = 2.0 + PATIENCE
"""Seconds within which an end that should take 2 has to come, on a slow machine."""
HANGING = """
import sys, threading, time
from tts_hub.server import run

def broken(server, listener, on_ready):
    async def serve_for_ever():
        print("serving", file=sys.stderr, flush=True)
        {hang}
    return serve_for_ever()

run.serve = broken
from tts_hub.cli import main
main()
"""


@contextmanager
def started(script: str, *options: str) -> Generator[subprocess.Popen[str], None, None]:
    process = subprocess.Popen(
        [sys.executable, "-c", script, "serve", "--port", "0", *options],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"TTS_HUB_SERVER__WARM_UP": "false"},
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize("numbers", [[signal.SIGTERM], [signal.SIGINT], [signal.SIGHUP]])
def test_a_signal_before_the_greeting_ends_it_without_a_word(numbers: list[signal.Signals]) -> None:
    with started(IMPORTING) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "taken\n"
        for number in numbers:
            process.send_signal(number)
        _, said = process.communicate("go on\n", timeout=6 * PATIENCE)
    assert (process.returncode, said) == (0, "")


@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_two_signals_before_the_greeting_end_it_at_once(first: signal.Signals) -> None:
    with started(IMPORTING) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "taken\n"
        process.send_signal(first)
        process.send_signal(signal.SIGTERM if first == signal.SIGINT else signal.SIGINT)
        assert process.wait(SOON) == 130
        assert process.stderr is not None
        assert process.stderr.read() == ""


@pytest.mark.parametrize("with_a_stream", [False, True])
@pytest.mark.parametrize("first", [signal.SIGINT, signal.SIGTERM])
def test_two_signals_at_once_end_it_at_once(first: signal.Signals, with_a_stream: bool) -> None:
    with running() as server:
        if with_a_stream:
            with book(server):
                _signal_twice(server.process, first)
        else:
            _signal_twice(server.process, first)
        assert server.code(SOON) in {130, 0}  # 0: nothing ran, and the first signal alone was quick enough
        assert server.process.stderr is not None
        assert "Traceback" not in server.process.stderr.read()


def _signal_twice(process: subprocess.Popen[str], first: signal.Signals) -> None:
    process.send_signal(first)
    process.send_signal(signal.SIGTERM if first == signal.SIGINT else signal.SIGINT)


def test_a_second_signal_while_a_stream_ends_cuts_it_without_a_traceback() -> None:
    with running() as server, book(server):
        server.signal()
        wait_for(server.refuses)
        server.signal()
        assert server.code(SOON) == 130
        assert server.process.stderr is not None
        assert "Traceback" not in server.process.stderr.read()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_one_signal_ends_an_idle_server_well_and_silently(number: signal.Signals) -> None:
    with running() as server:
        server.process.send_signal(number)
        assert server.code(PATIENCE) == 0
        assert server.process.stderr is not None
        assert server.process.stderr.read() == ""


@pytest.mark.parametrize(
    "hang",
    [
        "time.sleep(3600)",
        "while True: pass",
        "await __import__('anyio').Event().wait()",
        "threading.Thread(target=time.sleep, args=(3600,)).start()",
    ],
)
def test_a_second_signal_ends_it_whatever_hangs(hang: str) -> None:
    with started(HANGING.replace("{hang}", hang)) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "serving\n"
        process.send_signal(signal.SIGTERM)
        began = time.monotonic()
        while process.poll() is None:
            assert time.monotonic() - began < SOON
            process.send_signal(signal.SIGTERM)  # the first two signals may have come as one
            time.sleep(0.2)
        assert process.returncode == 130
        assert "Traceback" not in process.stderr.read()


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the system does not tell")
def test_a_signal_that_the_shell_ignores_stays_ignored() -> None:
    script = f"import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN)\n{HANGING}"
    with started(script.replace("{hang}", "await __import__('anyio').Event().wait()")) as process:
        assert process.stderr is not None
        assert process.stderr.readline() == "serving\n"
        lines = Path(f"/proc/{process.pid}/status").read_text().splitlines()
    (ignored,) = [int(line.split()[1], 16) for line in lines if line.startswith("SigIgn")]
    assert ignored & 1 << (signal.SIGHUP - 1)
