"""`tts-hub bench` as a person uses it."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import PATIENCE, PROGRAM, invoke
from tts_hub.errors import install_command

ONE = ("bench", "-t", "library", "--text", "word", "--format", "wav", "--streams", "1", "--requests", "3")


def columns(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|\n").split("|")]


def test_a_run_prints_a_table_and_leaves_json_markdown_and_a_picture() -> None:
    done = invoke(*ONE, "--json", "a.json", "--markdown", "a.md", "--plot", "a.svg")
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert columns(lines[2])[:6] == ["library", "auto", "wav", "word", "1 stream", "3/3"]
    assert len({len(line) for line in lines}) == 1  # in columns
    result = json.loads(Path("a.json").read_text())
    assert result["schema_version"] == 2
    assert result["machine"]["packages"]["tts-hub"]
    assert len(result["cells"][0]["samples"]) == 3
    assert "first audible" in Path("a.md").read_text()
    assert Path("a.svg").read_text().startswith("<?xml")


def test_the_table_goes_to_stdout_while_a_bar_is_on_the_terminal() -> None:
    terminal, ours = pty.openpty()
    with os.fdopen(terminal, "rb", buffering=0), os.fdopen(ours, "wb", buffering=0) as stderr:
        done = subprocess.run(
            [PROGRAM, *ONE], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=stderr,
            timeout=PATIENCE, check=True, env=os.environ | {"TERM": "xterm"},
        )  # fmt: skip
    assert len(done.stdout.decode().splitlines()) == 3


def test_two_results_are_compared() -> None:
    invoke(*ONE, "--json", "a.json")
    invoke(*ONE, "--json", "b.json")
    done = invoke("bench", "compare", "a.json", "b.json")
    assert done.exit_code == 0, done.output
    assert "library wav word 1 stream " in done.stdout
    assert "95 % interval" in done.stdout
    assert "too few samples to compare" in done.stdout
    assert "different times" in done.stderr


def test_two_sides_are_measured_in_turns() -> None:
    done = invoke(*ONE, "--versus", "voice=de")
    assert done.exit_code == 0, done.output
    a, b = (columns(line)[:2] for line in done.stdout.splitlines()[2:4])
    assert (a, b) == (["A: library", "auto"], ["B: library", "auto de"])
    assert "B / A" in done.stdout


def test_keys_do_not_get_into_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = [*ONE, "--api-key", "hush-1", "--versus", "api_key=hush-2", "--json", "a.json"]
    for given in (arguments, [*arguments, "--api-key=hush-3", "--versus=api_key=hush-4"]):
        monkeypatch.setattr(sys, "argv", ["tts-hub", *given])
        assert invoke(*given, "--markdown", "a.md").exit_code == 0
        assert "hush" not in Path("a.json").read_text() + Path("a.md").read_text()
        assert "--requests 3 --api-key ..." in json.loads(Path("a.json").read_text())["command"]


def test_a_result_that_cannot_be_written_is_an_error_before_the_work() -> None:
    for arguments, complaint in [
        (("--json", "nowhere/a.json"), "cannot write nowhere/a.json"),
        (("--plot", "a.xyz"), "must end in .png or .svg"),
    ]:
        done = invoke(*ONE, *arguments)
        assert done.exit_code == 1
        assert complaint in done.stderr
        assert not done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        ("--rate", "0"),
        ("--rate", "-1"),
        ("--rate", "nan"),
        ("--format", "mp4"),
        ("--timeout", "0"),
        ("-t", "http", "--versus", "voice=de"),
    ],
)
def test_senseless_options_are_refused(arguments: tuple[str, ...]) -> None:
    done = invoke(*ONE, *arguments)
    assert done.exit_code == 2
    assert re.search("Invalid value|give one", done.stderr)


def test_a_plain_installation_has_the_command_and_says_what_it_needs() -> None:
    """Neither the list of commands nor the message may need the packages of the benchmark."""
    code = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(['httpx', 'psutil', 'matplotlib', 'fastapi', 'uvicorn']))\n"
        "from tts_hub.cli import main; main()"
    )
    for arguments, said in [(("--help",), "bench"), (("bench",), install_command("bench"))]:
        done = subprocess.run(
            [sys.executable, "-c", code, *arguments], capture_output=True, timeout=PATIENCE, check=False
        )
        assert said in (done.stdout + done.stderr).decode()
        assert b"Traceback" not in done.stderr


def test_wrong_names_are_one_line() -> None:
    for arguments, complaint in [
        (("bench", "--text", "sentense"), "did you mean 'sentence'"),
        (("bench", "-t", "nowhere"), "no target 'nowhere'"),
        (("bench", "--versus", "modle=x"), "did you mean 'model'"),
        (("bench", "compare", "no.json", "no.json"), "cannot read no.json"),
        (("bench", "-t", "http://127.0.0.1:9/v1", "--requests", "1"), "broke off"),
    ]:
        done = invoke(*arguments)
        assert done.exit_code == 1
        assert complaint in done.stderr
        assert done.stderr.count("\n") == 1
