"""The studio as a user starts it: the real command in a real terminal, which tmux provides."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

import pytest

from tests.audio.decoding import decode
from tests.server.conftest import served

WITHIN = 90.0
"""Seconds; a busy machine starts Python slowly."""
COMMAND = Path(sys.executable).with_name("tts-hub")
TEXT = "Hello from a real terminal. It speaks while it makes the sound."

if not os.environ.get("CI"):  # there it is installed by the script that runs the tests
    pytestmark = pytest.mark.skipif(shutil.which("tmux") is None, reason="tmux is not installed")


class Terminal:
    """A tmux server of its own, with one window."""

    def __init__(
        self, folder: Path, *arguments: str, size: tuple[int, int] = (80, 24), **variables: str
    ) -> None:
        self.folder = folder
        self._socket = folder / "tmux"
        self._left = folder / "left"
        settings = " ".join(f"{name}={value}" for name, value in variables.items())
        start = f"env {settings} {COMMAND} tui {' '.join(arguments)}"
        command = f"{start}; echo left with $? | tee {self._left}; cat"
        width, height = map(str, size)
        self._tmux("-f", os.devnull, "new-session", "-d", "-s", "t", "-x", width, "-y", height, command)

    @property
    def screen(self) -> str:
        return self._tmux("capture-pane", "-p", "-t", "t")

    @property
    def has_left(self) -> bool:
        return self._left.exists()

    def press(self, *keys: str) -> None:
        self._tmux("send-keys", "-t", "t", *keys)

    def type(self, text: str) -> None:
        self._tmux("send-keys", "-t", "t", "-l", text)

    def resize(self, width: int, height: int) -> None:
        self._tmux("resize-window", "-t", "t", "-x", str(width), "-y", str(height))

    def until(self, holds: Callable[[str], bool]) -> str:
        limit = time.monotonic() + WITHIN
        while not holds(self.screen):
            assert time.monotonic() < limit, f"waited too long; the screen:\n{self.screen}"
            time.sleep(0.1)
        return self.screen

    def processes(self) -> Sequence[int]:
        """The process ids of the studio."""
        shell = self._tmux("list-panes", "-t", "t", "-F", "#{pane_pid}").strip()
        found = subprocess.run(["pgrep", "-P", shell], capture_output=True, text=True, check=False)
        return [int(number) for number in found.stdout.split()]

    def close(self) -> None:
        subprocess.run(["tmux", "-S", str(self._socket), "kill-server"], capture_output=True, check=False)

    def _tmux(self, *arguments: str) -> str:
        command = ["tmux", "-S", str(self._socket), *arguments]
        ended = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=True,
            cwd=self.folder,
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # under `nohup` it is ignored
        )
        return ended.stdout


Open = Callable[..., Terminal]


@pytest.fixture
def terminal(tmp_path: Path) -> Generator[Open, None, None]:
    opened: list[Terminal] = []

    def open_terminal(*arguments: str, size: tuple[int, int] = (80, 24), **variables: str) -> Terminal:
        opened.append(Terminal(tmp_path, *arguments, size=size, **variables))
        return opened[-1]

    yield open_terminal
    for each in opened:
        each.close()


def save_and_leave(studio: Terminal) -> None:
    studio.press("C-s")
    studio.until(lambda screen: "Save what was spoken" in screen)
    studio.press("Enter")
    studio.until(lambda screen: "Saved" in screen)
    studio.press("C-q")
    studio.until(lambda screen: "left with 0" in screen)


def test_start_type_speak_save_quit(terminal: Open, tmp_path: Path) -> None:
    studio = terminal()
    studio.until(lambda screen: "auto (espeak)" in screen)
    studio.type(TEXT)
    studio.until(lambda screen: f"{len(TEXT)} characters" in screen)
    studio.press("F5")
    studio.until(lambda screen: "▶ 0:0" in screen and "first audio" in screen)
    save_and_leave(studio)
    samples, rate = decode(tmp_path / "speech.mp3")
    assert 2.0 < len(samples) / rate < 10.0
    assert abs(samples).max() > 0.1


@pytest.mark.parametrize(
    "variables", [{"TERM": "vt100", "NO_COLOR": "1"}, {"TERM": "dumb"}, {"TERM": "xterm-mono"}]
)
def test_a_terminal_without_colours(terminal: Open, variables: dict[str, str]) -> None:
    studio = terminal(**variables)
    studio.until(lambda screen: "F5 Speak" in screen)
    studio.type("One two three.")
    studio.press("F5")
    studio.until(lambda screen: "spoken" in screen)
    studio.press("C-q")
    studio.until(lambda screen: "left with 0" in screen)


def test_ctrl_c_stops_the_speech_and_the_studio_stays(terminal: Open) -> None:
    studio = terminal()
    studio.until(lambda screen: "F5 Speak" in screen)
    studio.type(TEXT * 20)
    studio.press("F5")
    studio.until(lambda screen: "▶ 0:0" in screen)
    studio.press("C-c")
    studio.until(lambda screen: "■ 0:0" in screen)
    studio.press("C-c")
    studio.until(lambda screen: "Ctrl+Q leaves" in screen)
    assert not studio.has_left


@pytest.mark.parametrize("name", ["TERM", "HUP", "INT"])
def test_a_signal_during_speech_leaves_a_clean_terminal(terminal: Open, name: str) -> None:
    studio = terminal()
    studio.until(lambda screen: "F5 Speak" in screen)
    studio.type(TEXT * 20)
    studio.press("F5")
    studio.until(lambda screen: "▶ 0:0" in screen)
    for process in studio.processes():
        subprocess.run(["kill", f"-{name}", str(process)], check=False)
    screen = studio.until(lambda screen: "left with" in screen)
    assert "Traceback" not in screen
    studio.type("seen")  # the terminal echoes again
    studio.until(lambda screen: "seen" in screen)


def test_it_is_resized_while_it_speaks(terminal: Open) -> None:
    studio = terminal()
    studio.until(lambda screen: "F5 Speak" in screen)
    studio.type(TEXT)
    studio.press("F5")
    studio.until(lambda screen: "▶ 0:0" in screen)
    for size in [(40, 10), (132, 50), (80, 24)]:
        studio.resize(*size)
        time.sleep(0.3)
    studio.until(lambda screen: "spoken" in screen and "F5 Speak" in screen)


def test_a_file_is_opened_from_the_command_line(terminal: Open, tmp_path: Path) -> None:
    (tmp_path / "story.txt").write_text("Once upon a time.", encoding="utf-8")
    studio = terminal("story.txt")
    studio.until(lambda screen: "Once upon a time." in screen)


def test_a_wrong_address_is_refused_before_the_screen_changes(terminal: Open) -> None:
    studio = terminal("--url", "ftp://nowhere")
    screen = studio.until(lambda screen: "left with 1" in screen)
    assert "is not the address of a server" in screen


def test_a_server_that_does_not_answer_is_shown_in_the_studio(terminal: Open) -> None:
    studio = terminal("--url", "http://127.0.0.1:9", size=(110, 30))
    studio.until(lambda screen: "does not answer" in screen and "To fix: tts-hub" in screen)
    studio.press("C-q")
    studio.until(lambda screen: "left with 0" in screen)


def test_without_a_terminal_it_says_what_to_use_instead() -> None:
    ended = subprocess.run(
        [str(COMMAND), "tui"], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False
    )
    assert ended.returncode == 2
    assert "tts-hub speak" in ended.stderr


def test_it_speaks_with_the_engines_of_a_server(terminal: Open, tmp_path: Path) -> None:
    with served() as server:
        studio = terminal("--url", server.url)
        studio.until(lambda screen: server.url in screen and "(espeak)" in screen)
        studio.type(TEXT)
        studio.press("F5")
        studio.until(lambda screen: "spoken · espeak" in screen)
        save_and_leave(studio)
    samples, rate = decode(tmp_path / "speech.mp3")
    assert 2.0 < len(samples) / rate < 10.0


def test_a_notice_hides_neither_the_progress_nor_the_keys(terminal: Open) -> None:
    studio = terminal()
    studio.until(lambda screen: "auto (espeak)" in screen)
    studio.press("F6")
    seen = studio.until(lambda screen: "nothing to pause" in screen)
    assert all(shown in seen for shown in ("Nothing spoken yet.", "F4 Engines", "F9 Settings", "^q Quit"))
