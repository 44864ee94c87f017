"""`tts-hub models`: listing, pulling and removing the files of models."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
from pathlib import Path

import pytest

from tests.cli.running import PATIENCE, PROGRAM, complaint, ended, install_engine, invoke, run, start, until

WHAT = "tones instead of speech, for tests"
"""The description of the fake engine."""
ENGINE = """
import os
from pathlib import Path
import anyio
from tts_hub.errors import BackendUnavailableError
from tts_hub.progress import ProgressEvent
from tts_hub.testing import FakeBackend
from tts_hub.types import ModelFiles

FOLDER = Path(os.environ["PULLED"])

class Engine(FakeBackend):
    name = "pulling"
    models = ("big-model", "small-model", "shaped-model")

    @classmethod
    def downloads(cls, settings):
        if os.environ.get("FAULT") == "listing":
            raise ValueError("no list today")
        return [
            ModelFiles(model, "here.example", str(FOLDER / model), size,
                       () if (FOLDER / model / "weights").exists() else ("weights",))
            for model, size in (("big-model", 2_500_000_000), ("small-model", None))
        ] + [
            ModelFiles("shaped-model", "here.example", str(FOLDER / variant), 1_000,
                       () if (FOLDER / variant / "weights").exists() else ("weights",), variant)
            for variant in ("exact", "quick")
        ]

    @classmethod
    async def pull(cls, files, settings, on_progress):
        model = files.variant or files.model
        fault = os.environ.get("FAULT")
        if fault == "network":
            raise BackendUnavailableError("cannot reach here.example", backend="pulling", remedy="plug it in")
        if fault == "bug":
            raise ZeroDivisionError("oh")
        part = FOLDER / model / "part"
        part.parent.mkdir(parents=True, exist_ok=True)
        for done in range(0, 2_500_000_001, 500_000_000):
            on_progress(ProgressEvent("downloading", backend="pulling", message="weights",
                                      details={"bytes": done, "total_bytes": 2_500_000_000}))
            with part.open("a") as opened:
                opened.write("some")
            await anyio.sleep(float(os.environ.get("STEP", "0")))
        part.rename(FOLDER / model / "weights")

    @classmethod
    async def remove(cls, files, settings):
        if os.environ.get("FAULT") == "bug":
            raise ZeroDivisionError("oh")
        weights = FOLDER / (files.variant or files.model) / "weights"
        freed = weights.stat().st_size if weights.exists() else 0
        weights.unlink(missing_ok=True)
        return freed
"""


@pytest.fixture
def pulled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the engine `pulling`, which is installed now, puts the files of its models."""
    monkeypatch.setenv("PYTHONPATH", install_engine(tmp_path / "site", "pulling", ENGINE))
    monkeypatch.setenv("PULLED", str(tmp_path / "pulled"))
    return tmp_path / "pulled"


def lines_of(*arguments: str) -> list[str]:
    """The output of a command, with single spaces between the columns."""
    done = run(*arguments)
    assert done.returncode == 0, done.stderr
    return [" ".join(line.split()) for line in done.stdout.decode().splitlines()]


def refusal(*arguments: str, fault: str = "") -> str:
    done = run(*arguments, FAULT=fault)
    return complaint(done.returncode, done.stderr.decode())


# --- list -------------------------------------------------------------------------------------------------


def test_list_says_which_files_are_missing_and_what_gets_them(pulled: Path) -> None:
    lines = lines_of("models", "list")
    assert f"big-model pulling not ready missing (2.5 GB) {WHAT}" in lines
    assert f"small-model pulling not ready missing {WHAT}" in lines
    assert lines[-1].startswith("To download the files of a model: tts-hub models pull ")


def test_models_alone_lists(pulled: Path) -> None:
    assert lines_of("models") == lines_of("models", "list")
    assert json.loads(invoke("models", "--json").stdout) == json.loads(
        invoke("models", "list", "--json").stdout
    )


def test_a_model_whose_files_are_here_is_ready(pulled: Path) -> None:
    run("models", "pull", "big-model")
    lines = lines_of("models", "list")
    assert f"big-model pulling ready here (2.5 GB) {WHAT}" in lines
    assert f"small-model pulling not ready missing {WHAT}" in lines
    assert not lines[-1].endswith("pull big-model")


def test_list_as_json_has_the_files(pulled: Path) -> None:
    shown = json.loads(run("models", "list", "--json").stdout)
    (engine,) = (engine for engine in shown["engines"] if engine["name"] == "pulling")
    assert engine["downloads"][0] == {
        "model": "big-model",
        "source": "here.example",
        "folder": str(pulled / "big-model"),
        "size": 2_500_000_000,
        "missing": ["weights"],
        "variant": "",
    }


def test_doctor_says_what_is_missing_and_what_gets_it(pulled: Path) -> None:
    shown = run("doctor").stdout.decode().splitlines()
    at = shown.index("pulling: ready")
    assert shown[at + 1] == (
        "    files of big-model: missing (2.5 GB); to download them: tts-hub models pull big-model"
    )


def test_an_engine_that_cannot_list_its_files_leaves_the_others_usable(pulled: Path) -> None:
    done = run("models", "list", FAULT="listing")
    assert done.returncode == 0
    assert b"big-model" in done.stdout
    assert b"espeak" in done.stdout


# --- pull -------------------------------------------------------------------------------------------------


def test_pull_brings_the_files_and_says_where(pulled: Path) -> None:
    done = run("models", "pull", "big-model", "small-model")
    assert done.returncode == 0
    assert done.stdout.decode().splitlines() == [
        f"big-model: 2.5 GB in {pulled / 'big-model'}",
        f"small-model: in {pulled / 'small-model'}",
    ]
    assert done.stderr == b""
    assert (pulled / "big-model" / "weights").exists()
    assert (pulled / "small-model" / "weights").exists()


def test_pull_quietly(pulled: Path) -> None:
    done = run("models", "pull", "big-model", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")


def test_pull_takes_an_alias(pulled: Path) -> None:
    Path("my.toml").write_text('[aliases]\nmine = "small-model"\n')
    done = run("--config", "my.toml", "models", "pull", "mine")
    assert done.stdout.decode() == f"small-model: in {pulled / 'small-model'}\n"


def test_pull_shows_bytes_on_a_terminal(pulled: Path) -> None:
    reader, writer = pty.openpty()
    with subprocess.Popen(
        [PROGRAM, "models", "pull", "big-model"],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=writer,
        env=os.environ | {"STEP": "0.2", "COLUMNS": "120", "TERM": "xterm"},
    ) as process:
        os.close(writer)
        shown = b""
        while b"1.0/2.5 GB" not in shown:
            shown += os.read(reader, 4096)
        process.kill()
    os.close(reader)
    assert b"big-model" in shown


@pytest.mark.parametrize("name", ["big-modle", "espeak"])
def test_a_name_without_files_is_an_error_before_any_download(name: str, pulled: Path) -> None:
    said = refusal("models", "pull", "big-model", name)
    assert repr(name) in said
    assert "big-model" in said
    assert not pulled.exists()


def test_pull_wants_a_name() -> None:
    assert "Missing argument 'NAME...'" in refusal("models", "pull")


def test_a_pull_that_fails_says_what_to_do(pulled: Path) -> None:
    said = refusal("models", "pull", "big-model", fault="network")
    assert said == "cannot reach here.example (to fix: plug it in)"


def test_a_bug_of_an_engine_is_one_line(pulled: Path) -> None:
    said = refusal("models", "pull", "big-model", fault="bug")
    assert said == "engine 'pulling' failed to fetch 'big-model': ZeroDivisionError: oh"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda s: s.name)
def test_a_signal_ends_it_and_leaves_what_has_come(number: signal.Signals, pulled: Path) -> None:
    process = start("models", "pull", "big-model", STEP="600")
    until((pulled / "big-model" / "part").exists)
    process.send_signal(number)
    assert process.wait(PATIENCE) == 130
    assert ended(process) == "interrupted\n"
    assert (pulled / "big-model" / "part").exists()


# --- variants, removal, paths -----------------------------------------------------------------------------


def test_each_variant_has_a_line_and_one_is_enough(pulled: Path) -> None:
    assert f"shaped-model pulling not ready exact missing (1 kB) {WHAT}" in lines_of("models", "list")
    run("models", "pull", "shaped-model", "--variant", "quick")
    assert f"shaped-model pulling ready quick here (1 kB) {WHAT}" in lines_of("models", "list")
    lines = lines_of("models", "list", "--all")
    at = lines.index(f"shaped-model pulling ready quick here (1 kB) {WHAT}")
    assert lines[at + 1] == "exact missing (1 kB)"


def test_pull_takes_the_usual_variant_or_the_one_that_is_named(pulled: Path) -> None:
    done = run("models", "pull", "shaped-model")
    assert done.stdout.decode() == f"shaped-model: exact 1 kB in {pulled / 'exact'}\n"
    done = run("models", "pull", "shaped-model", "--variant", "quick")
    assert done.stdout.decode() == f"shaped-model: quick 1 kB in {pulled / 'quick'}\n"


def test_an_unknown_variant_is_an_error(pulled: Path) -> None:
    said = refusal("models", "pull", "shaped-model", "--variant", "quik")
    assert said == "model 'shaped-model' has no variant 'quik'; did you mean 'quick'? possible: exact, quick"


def test_remove_says_what_it_freed(pulled: Path) -> None:
    run("models", "pull", "shaped-model", "--variant", "quick")
    run("models", "pull", "shaped-model")
    run("models", "pull", "big-model")
    assert run("models", "remove", "shaped-model").stdout.decode() == "shaped-model: 48 bytes freed\n"
    assert refusal("models", "remove", "shaped-model") == "there are no files of shaped-model to delete"
    assert run("models", "remove", "big-model").stdout.decode() == "big-model: 24 bytes freed\n"


def test_a_bug_in_removing_is_one_line(pulled: Path) -> None:
    said = refusal("models", "remove", "big-model", fault="bug")
    assert said == "engine 'pulling' failed to delete 'big-model': ZeroDivisionError: oh"


def test_path_is_the_folder_and_fails_where_files_are_missing(pulled: Path) -> None:
    done = run("models", "path", "shaped-model", "--variant", "quick")
    assert (done.returncode, done.stdout.decode()) == (1, f"{pulled / 'quick'}\n")
    fix = "(to fix: tts-hub models pull shaped-model --variant quick)"
    assert done.stderr.decode().endswith(f"missing in that folder: weights {fix}\n")
    run("models", "pull", "shaped-model", "--variant", "quick")
    done = run("models", "path", "shaped-model")
    assert (done.returncode, done.stdout.decode()) == (0, f"{pulled / 'quick'}\n")
