"""A terminal that is closed, takes no output, or sends bytes that are no text."""

from __future__ import annotations

import os
import pty
import select
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from pathlib import Path

import pytest

WITHIN = 90.0
COMMAND = Path(sys.executable).with_name("tts-hub")


class Window:
    """A terminal of 80 x 24 with the studio in it; `close` closes the window as a user does."""

    def __init__(self, folder: Path) -> None:
        self.master, slave = pty.openpty()
        self.seen = b""
        self.process = subprocess.Popen(
            [COMMAND, "tui"],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
            preexec_fn=_take_terminal,
            cwd=folder,
            env={**os.environ, "TERM": "xterm"},
        )
        os.close(slave)

    def until(self, text: bytes) -> None:
        limit = time.monotonic() + WITHIN
        while text not in self.seen:
            assert time.monotonic() < limit, self.seen[-2000:]
            if select.select([self.master], [], [], 0.1)[0]:
                self.seen += os.read(self.master, 65536)

    def close(self) -> None:
        if self.master >= 0:
            os.close(self.master)
            self.master = -1

    def has_ended(self) -> int:
        return self.process.wait(WITHIN)


def _take_terminal() -> None:
    import fcntl
    import termios

    signal.signal(signal.SIGHUP, signal.SIG_DFL)  # under `nohup` it is ignored
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.fixture
def window(tmp_path: Path) -> Generator[Window, None, None]:
    opened = Window(tmp_path)
    yield opened
    opened.close()
    opened.process.kill()
    opened.process.wait()


@pytest.mark.parametrize("moment", range(4))
def test_the_process_ends_with_its_window(window: Window, moment: int) -> None:
    window.until(b"F5")
    os.write(window.master, b"One two three four five six seven eight nine ten. " * 5)
    time.sleep(0.1 * moment)
    os.write(window.master, b"\x1b[15~")
    time.sleep(0.15 * moment)
    window.close()
    window.has_ended()


def test_it_ends_on_sigterm_while_the_terminal_takes_nothing(window: Window) -> None:
    window.until(b"F5")
    for _ in range(200):  # what is drawn is not read, so that the terminal's buffer fills
        os.write(window.master, b"\x1b[B\x1b[A" + b"word " * 4)
        if not select.select([], [window.master], [], 0.2)[1]:
            break
    window.process.terminate()
    window.has_ended()


def test_bytes_that_are_no_utf_8_are_shown_as_such(window: Window) -> None:
    window.until(b"F5")
    os.write(window.master, b"caf\xe9 ol\xff\xfe.")
    window.until("caf\N{REPLACEMENT CHARACTER}".encode())
    os.write(window.master, b"\x11")
    assert window.has_ended() == 0
