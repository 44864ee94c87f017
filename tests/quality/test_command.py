"""`tts-hub quality` as a person uses it, with what is installed for the tests."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import invoke
from tests.quality.takes import result_of, subject_of
from tts_hub.errors import BackendUnavailableError
from tts_hub.quality.packages import TOOLS, Tool

ONE = ("quality", "--model", "espeak", "--language", "de", "--sentences", "2", "--no-words")


@pytest.fixture(autouse=True)
def no_judges(monkeypatch: pytest.MonkeyPatch) -> None:
    """The networks are looked for and not found, so that nothing is downloaded or loaded."""
    monkeypatch.setattr("tts_hub.quality.packages.find_spec", lambda name: None)


def test_a_run_leaves_a_table_a_result_and_a_page() -> None:
    done = invoke(*ONE, "--json", "a.json", "--html", "a.html")
    assert done.exit_code == 0, done.output
    assert "espeak de de" in done.stdout
    result = json.loads(Path("a.json").read_text())
    assert len(result["subjects"][0]["takes"]) == 2
    assert "data:audio/mpeg" in Path("a.html").read_text()


def test_measures_without_their_packages_are_left_out_with_the_command() -> None:
    done = invoke(*ONE)
    assert done.exit_code == 0, done.output
    for tool in TOOLS:
        assert (
            f"{tool.name} left out: {tool.modules[0]} is not installed (to fix: {tool.command})"
            in done.stderr
        )


def test_two_runs_with_the_same_engine_are_the_same() -> None:
    for name in ("a.json", "b.json"):
        assert invoke(*ONE, "--json", name).exit_code == 0
    a, b = (json.loads(Path(name).read_text())["subjects"] for name in ("a.json", "b.json"))
    assert a == b


def test_two_results_are_compared(tmp_path: Path) -> None:
    result_of(subject_of([0] * 20)).save(tmp_path / "a.json")
    result_of(subject_of([1, 2] * 10)).save(tmp_path / "b.json")
    done = invoke("quality", "compare", str(tmp_path / "a.json"), str(tmp_path / "b.json"))
    assert done.exit_code == 0, done.output
    assert "B is worse" in done.stdout


def test_what_cannot_work_is_refused_before_the_work() -> None:
    for arguments, complaint in [
        ((*ONE, "--json", "nowhere/a.json"), "cannot write nowhere/a.json"),
        ((*ONE, "--reference", "nowhere.wav"), "cannot read nowhere.wav"),
        (("quality", "compare", "no.json", "no.json"), "cannot read no.json"),
    ]:
        done = invoke(*arguments)
        assert done.exit_code == 1
        assert complaint in done.stderr


def test_an_engine_that_is_not_ready_is_listed_with_the_reason() -> None:
    done = invoke("quality", "--language", "de", "--sentences", "1", "--no-words")
    assert done.exit_code == 0, done.output
    assert "not measured: kokoro:" in done.stderr
    assert "not measured: openai:" in done.stderr


def test_a_missing_package_names_its_command() -> None:
    tool = Tool("a measure", ("nowhere_to_be_found",), "pip install it")
    assert tool.reason.startswith("a measure left out: nowhere_to_be_found")
    with pytest.raises(BackendUnavailableError) as raised:
        tool.require()
    assert raised.value.remedy == "pip install it"


def test_the_scores_import_none_of_the_networks() -> None:
    heavy = ("torch", "onnxruntime", "faster_whisper", "speechmos", "librosa", "resemblyzer")
    code = (
        "import sys, tts_hub.quality.running, tts_hub.quality.page;"
        f"assert not [name for name in {heavy!r} if name in sys.modules]"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
