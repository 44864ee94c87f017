"""File descriptor 2: what C libraries write there never reaches the screen; what is drawn always does."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from tts_hub_tui.terminal.stderr import quiet_stderr

DRAWS = """
import os, sys
from pathlib import Path
from tts_hub_tui.terminal.stderr import quiet_stderr, separate_screen
with separate_screen(Path("log")):
    os.write(2, b"a C library;")
    print("drawn", file=sys.__stderr__, end=";", flush=True)
    with quiet_stderr():
        os.write(2, b"ALSA;")
        print("drawn meanwhile", file=sys.__stderr__, end=";", flush=True)
    print("said", file=sys.stderr, end=";", flush=True)
os.write(2, b"afterwards;")
print("by Python", file=sys.__stderr__, end=";", flush=True)
"""


def test_what_is_written_meanwhile_is_dropped(capfd: pytest.CaptureFixture[str]) -> None:
    with quiet_stderr():
        os.write(2, b"ALSA lib")
    os.write(2, b"afterwards")
    assert capfd.readouterr().err == "afterwards"


def test_it_comes_back_however_many_threads_wanted_it_quiet(capfd: pytest.CaptureFixture[str]) -> None:
    def keep_quiet() -> None:
        for _ in range(50):
            with quiet_stderr():
                os.write(2, b"ALSA lib")

    threads = [threading.Thread(target=keep_quiet) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    os.write(2, b"afterwards")
    assert capfd.readouterr().err == "afterwards"


def test_a_screen_apart_shows_all_that_is_drawn_and_nothing_of_c_libraries(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", DRAWS], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert done.stderr == "drawn;drawn meanwhile;said;afterwards;by Python;"
    assert (tmp_path / "log").read_text() == "a C library;"


def test_a_closed_stderr_stays_closed() -> None:
    program = "import os\nos.close(2)\nfrom tts_hub_tui.terminal.stderr import quiet_stderr\n"
    program += "with quiet_stderr(): pass\ntry: os.fstat(2)\nexcept OSError: print('closed')"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "closed\n"
