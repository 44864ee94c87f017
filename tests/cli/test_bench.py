"""`tts-hub bench` as a person uses it."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.running import invoke

ONE = ("bench", "-t", "library", "--text", "word", "--format", "wav", "--streams", "1", "--requests", "3")


def test_a_run_prints_a_table_and_leaves_json_markdown_and_a_picture() -> None:
    done = invoke(*ONE, "--json", "a.json", "--markdown", "a.md", "--plot", "a.svg")
    assert done.exit_code == 0, done.output
    assert "| library | auto | wav | word | 1 stream | 3/3 |" in done.stdout
    result = json.loads(Path("a.json").read_text())
    assert result["schema_version"] == 2
    assert result["machine"]["packages"]["tts-hub"]
    assert len(result["cells"][0]["samples"]) == 3
    assert "first audible" in Path("a.md").read_text()
    assert Path("a.svg").read_text().startswith("<?xml")


def test_two_results_are_compared() -> None:
    invoke(*ONE, "--json", "a.json")
    invoke(*ONE, "--json", "b.json")
    done = invoke("bench", "compare", "a.json", "b.json")
    assert done.exit_code == 0, done.output
    assert "library wav word 1 stream " in done.stdout
    assert "95 % interval" in done.stdout


def test_two_sides_are_measured_in_turns() -> None:
    done = invoke(*ONE, "--versus", "voice=de")
    assert done.exit_code == 0, done.output
    assert done.stdout.count("| library | auto | wav | word |") == 2
    assert "B / A" in done.stdout


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
