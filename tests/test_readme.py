"""Every example in the README is run as it is."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import sysconfig
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from starlette.routing import WebSocketRoute

from tests.audio.decoding import decode
from tts_hub.server import create_app, live

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```$", README, flags=re.MULTILINE | re.DOTALL)


def blocks(language: str, containing: str = "") -> list[str]:
    return [text for kind, text in BLOCKS if kind == language and containing in text]


def run(command: Sequence[str], folder: Path, **environ: str) -> str:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    done = subprocess.run(
        command,
        cwd=folder,
        env=os.environ | {"PATH": path} | environ,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def running_server() -> Iterator[str]:
    """`tts-hub serve` on a free port; its base URL."""
    command = [str(Path(sys.executable).parent / "tts-hub"), "serve", "--port", "0"]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
    try:
        assert process.stderr is not None
        found = re.search(r"http://\S+/v1", process.stderr.readline())
        assert found is not None
        yield found[0]
    finally:
        process.terminate()
        process.communicate(timeout=20)


def seconds(file: Path) -> float:
    samples, rate = decode(file.read_bytes())
    return len(samples) / rate


def test_the_two_commands_come_first_and_are_in_the_makefile() -> None:
    commands = [line.split("#")[0].strip() for line in BLOCKS[0][1].splitlines()]
    assert commands == ["make hello", "make test"]
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    assert all(f"\n{command.split()[1]}:" in makefile for command in commands)


def test_the_commands_do_what_they_say(tmp_path: Path) -> None:
    for block in blocks("bash"):
        run(["bash", "-euo", "pipefail", "-c", block], tmp_path)
    for name in ("hello.mp3", "hello.flac", "slow.wav", "count.opus", "piped.wav"):
        assert seconds(tmp_path / name) > 0.5
    assert "Two." in (tmp_path / "count.srt").read_text(encoding="utf-8")


def test_the_openai_snippet_speaks_through_our_server(tmp_path: Path) -> None:
    (snippet,) = blocks("python", "from openai import OpenAI")
    assert (
        len([line for line in snippet.splitlines() if line and not line.startswith(("from", "import"))]) == 3
    )
    with running_server() as url:
        script = snippet.replace("http://127.0.0.1:8880/v1", url)
        run([sys.executable, "-c", script], tmp_path, NO_PROXY="*")
    assert seconds(tmp_path / "nova.mp3") > 0.5


def test_every_url_of_the_table_is_served() -> None:
    table = README[README.index("| URL |") : README.index("A failure before the first audio")]
    named = set(re.findall(r"(/(?:v1|dev|health|metrics|docs)[a-z_/{}]*)", table))
    sockets = {route.path for route in live.router.routes if isinstance(route, WebSocketRoute)}
    served = {*create_app().openapi()["paths"], *sockets, "/docs"}
    assert named <= served


@pytest.mark.parametrize("script", blocks("python", "anyio.run(main)"), ids=["stream", "fallback"])
def test_the_scripts_run(script: str, tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(script, encoding="utf-8")
    said = run([sys.executable, "-W", "error", "script.py"], tmp_path)
    if "library.mp3" in script:
        assert "audio/mpeg" in said
        assert seconds(tmp_path / "library.mp3") > 0.5
    else:
        assert "espeak continued from character 16" in said


def test_the_cells_of_a_notebook_run_in_tasks_of_their_own(tmp_path: Path) -> None:
    """Notebooks await each cell in a new task of one event loop; here each statement is a cell."""
    (cells,) = blocks("python", "await manager.open()")
    runner = """
import ast, asyncio, inspect, sys

async def main():
    names = {}
    for cell in ast.parse(sys.argv[1]).body:
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        made = eval(compile(ast.Module([cell], []), "cell", "exec", flags), names)
        if inspect.iscoroutine(made):
            await asyncio.create_task(made)

asyncio.run(main())
"""
    run([sys.executable, "-W", "error", "-c", runner, cells], tmp_path)
    assert seconds(tmp_path / "notebook.flac") > 0.5


def test_the_plugin_is_a_package_that_works(tmp_path: Path) -> None:
    """A package that pip builds and installs, without network, into a folder of its own."""
    package = tmp_path / "beep"
    (package / "tts_hub_beep").mkdir(parents=True)
    (package / "pyproject.toml").write_text(blocks("toml", "tts-hub-beep")[0], encoding="utf-8")
    (plugin,) = blocks("python", "class BeepBackend")
    assert len([line for line in plugin.splitlines() if line.strip()]) <= 30
    (package / "tts_hub_beep" / "__init__.py").write_text(plugin, encoding="utf-8")
    site = tmp_path / "site"
    install = "-m pip install --quiet --no-index --no-deps --no-build-isolation --disable-pip-version-check"
    run([sys.executable, *install.split(), "--target", str(site), str(package)], tmp_path)
    command = next(line for line in README.splitlines() if "--model beep" in line)
    run(["bash", "-c", command], tmp_path, PYTHONPATH=str(site))
    assert seconds(tmp_path / "beep.mp3") == pytest.approx(5 * 0.25, abs=0.2)
    (contract,) = blocks("python", "class TestBeep")
    (tmp_path / "test_beep.py").write_text(contract, encoding="utf-8")
    said = run([sys.executable, "-m", "pytest", "-q", "test_beep.py"], tmp_path, PYTHONPATH=str(site))
    assert re.search(r"\d+ passed", said)


def test_every_extra_that_is_named_exists() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pages = [ROOT / "README.md", ROOT / "config.toml", *(ROOT / "docs").glob("*.md")]
    named = {
        extra
        for page in pages
        for extras in re.findall(r"pip install '[^'\[]*\[([a-z,-]+)\]'", page.read_text(encoding="utf-8"))
        for extra in extras.split(",")
    }
    table = README[README.index("| extra |") : README.index("On Linux `tui`")]
    named |= {name for row in table.splitlines()[2:] for name in re.findall(r"^\| `([a-z-]+)`", row)}
    assert {"server", "kokoro", "all"} <= named <= project["optional-dependencies"].keys()
    assert "pip install 'tts-hub[" not in "".join(page.read_text(encoding="utf-8") for page in pages)


def test_the_console_script_is_installed() -> None:
    assert (Path(sysconfig.get_path("scripts")) / "tts-hub").exists()
