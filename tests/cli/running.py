"""Running the command line in tests, and checking its failures."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path

from click.testing import CliRunner, Result

from tts_hub.cli import main

PROGRAM = str(Path(sys.executable).with_name("tts-hub"))
PATIENCE = 60.0
"""Seconds after which a program that has not ended or answered counts as hung."""
_started: list[subprocess.Popen[bytes]] = []
BREAKING = """
from tts_hub.testing import FakeBackend, FakeScript

class Engine(FakeBackend):
    name = "breaking"

    def __init__(self, settings=None):
        super().__init__(settings, name="breaking", script=FakeScript(fail_at={1: 2}))
"""
LOADING = """
from pathlib import Path
from tts_hub.testing import FakeBackend

class Engine(FakeBackend):
    name = "loading"

    def __init__(self, settings=None):
        super().__init__(settings, name="loading")

    async def load(self, on_progress):
        Path("loaded").touch()
        await super().load(on_progress)
"""


def invoke(*arguments: str) -> Result:
    """Run a command in this process."""
    return CliRunner().invoke(main, arguments, prog_name="tts-hub")


def run(*arguments: str, stdin: bytes | None = None, **environ: str) -> subprocess.CompletedProcess[bytes]:
    """Run the real program to its end, its stdin empty unless given."""
    return subprocess.run(
        [PROGRAM, *arguments],
        input=stdin or b"",
        capture_output=True,
        timeout=PATIENCE,
        check=False,
        env=os.environ | environ,
    )


def start(
    *arguments: str, ctrl_c: signal.Handlers = signal.SIG_DFL, **environ: str
) -> subprocess.Popen[bytes]:
    """Start the real program, all three streams piped; the end of the test ends it."""
    process = subprocess.Popen(
        [PROGRAM, *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | environ,
        # In the background of a shell Ctrl-C is ignored, under `nohup` SIGHUP; its children would do so too.
        preexec_fn=partial(_as_at_a_prompt, ctrl_c),
    )
    _started.append(process)
    return process


def _as_at_a_prompt(ctrl_c: signal.Handlers) -> None:
    signal.signal(signal.SIGINT, ctrl_c)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def end_all() -> None:
    """End the programs that a failed test has left running, and close all pipes."""
    while _started:
        process = _started.pop()
        process.kill()
        for pipe in (process.stdin, process.stdout, process.stderr):
            if pipe is not None:
                with suppress(BrokenPipeError):
                    pipe.close()
        process.wait()


def ended(process: subprocess.Popen[bytes]) -> str:
    """Wait until the program ends; return its stderr."""
    with process:
        try:
            _, said = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()  # the block waits for the end of the program
            raise
    return said.decode()


def until(condition: Callable[[], object]) -> None:
    """Wait until `holds()` is true."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "it never came to that"
        time.sleep(0.01)


def complaint(code: int, stderr: str) -> str:
    """The one line with which a command has to fail."""
    lines = [line for line in stderr.splitlines() if line]
    if code == 2:  # click shows the usage first
        assert lines[0].startswith("Usage: ")
        lines = lines[2:]
    assert code in {1, 2}
    assert len(lines) == 1, stderr
    assert lines[0].startswith("Error: ")
    return lines[0].removeprefix("Error: ")


def breaking_engine(folder: Path) -> str:
    """Install the engine `breaking`, which fails in its second segment; return its PYTHONPATH."""
    return install_engine(folder, "breaking", BREAKING)


def loading_engine(folder: Path) -> str:
    """Install the engine `loading`, which writes a file `loaded` when it loads; return its PYTHONPATH."""
    return install_engine(folder, "loading", LOADING)


def install_engine(folder: Path, name: str, source: str) -> str:
    """Install a plugin whose module has the class `Engine`; return its PYTHONPATH."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / f"{name}_tts.py").write_text(source)
    info = folder / f"{name}_tts-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}-tts\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[tts_hub.backends]\n{name} = {name}_tts:Engine\n")
    return os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
