"""Completion in the shell: models and voices, without heavy imports, and silent whatever goes wrong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import PATIENCE, PROGRAM, invoke, run

HEAVY = ("numpy", "pydantic", "av", "anyio", "rich", "tts_hub.manager")


def completed(*words: str, **environ: str) -> list[str]:
    """The words that bash would offer for the last word."""
    environ |= {"_TTS_HUB_COMPLETE": "bash_complete", "COMP_CWORD": str(len(words))}
    line = " ".join(["tts-hub", *words])
    done = subprocess.run(
        [PROGRAM],
        env=os.environ | {"COMP_WORDS": line} | environ,
        capture_output=True,
        timeout=PATIENCE,
        check=False,
        text=True,
    )
    assert done.stderr == ""
    return [answer.partition(",")[2] for answer in done.stdout.splitlines() if answer]


def cache(home: Path) -> Path:
    return home / ".cache" / "tts-hub" / "completion.json"


def test_models_aliases_and_auto() -> None:
    assert set(completed("speak", "--model", "")) >= {"espeak", "auto", "tts-1"}
    assert completed("speak", "--model", "esp") == ["espeak"]
    assert completed("speak", "--fallback", "esp") == ["espeak"]
    assert completed("voices", "-m", "esp") == ["espeak"]


def test_voices_of_the_model_that_is_named() -> None:
    assert "en-gb-scotland" in completed("speak", "--voice", "en-gb")
    assert "de" in completed("speak", "-m", "espeak", "--voice", "d")
    assert completed("speak", "-m", "nothing", "--voice", "d") == []


def test_models_whose_files_can_be_fetched() -> None:
    assert completed("models", "pull", "chatter") == ["chatterbox-nano", "chatterbox-turbo"]
    assert "kokoro" in completed("models", "remove", "k")


def test_commands_and_options() -> None:
    assert "speak" in completed("sp")
    assert completed("speak", "--no-c") == ["--no-clobber"]


def test_results_are_cached_and_a_cached_completion_imports_nothing_heavy(away_from_home: Path) -> None:
    found = completed("speak", "--voice", "")
    assert cache(away_from_home).exists()
    code = (
        "import json, os, sys\nfrom tts_hub.cli import main\n"
        "try: main(prog_name='tts-hub')\nexcept SystemExit: pass\n"
        f"print(json.dumps([name for name in {HEAVY} if name in sys.modules]), file=sys.stderr)"
    )
    environ = {
        "_TTS_HUB_COMPLETE": "bash_complete",
        "COMP_WORDS": "tts-hub speak --voice ",
        "COMP_CWORD": "3",
    }
    done = subprocess.run(
        [sys.executable, "-c", code], env=os.environ | environ, capture_output=True, check=True, text=True
    )
    assert len(done.stdout.splitlines()) == len(found) > 100
    assert json.loads(done.stderr) == []


def test_a_change_of_the_configuration_is_noticed() -> None:
    assert "mine" not in completed("speak", "-m", "")
    Path("config.toml").write_text('[aliases]\nmine = "espeak"\n')
    assert completed("speak", "-m", "mi") == ["mine"]
    assert "de" in completed("speak", "-m", "mine", "--voice", "d")
    assert completed("speak", "-m", "mi", TTS_HUB_BACKENDS__ESPEAK__ENABLED="false") == ["mine"]
    assert "espeak" not in completed("speak", "-m", "", TTS_HUB_BACKENDS__ESPEAK__ENABLED="false")


@pytest.mark.parametrize("content", ["", "[1]", '{"key": 1}', "\0"])
def test_a_damaged_cache_is_made_anew(away_from_home: Path, content: str) -> None:
    cache(away_from_home).parent.mkdir(parents=True)
    cache(away_from_home).write_text(content)
    assert completed("speak", "-m", "esp") == ["espeak"]
    assert json.loads(cache(away_from_home).read_text())["found"]["engines"]


def test_a_wrong_configuration_offers_nothing_and_says_nothing() -> None:
    Path("config.toml").write_text("[audio\n")
    assert completed("speak", "-m", "") == []


def test_a_cache_that_cannot_be_written_is_no_error(away_from_home: Path) -> None:
    (away_from_home / ".cache").write_text("a file")
    assert completed("speak", "-m", "esp") == ["espeak"]


def test_fetching_files_forgets_what_was_found(away_from_home: Path) -> None:
    completed("speak", "-m", "")
    assert run("models", "remove", "kokoro").returncode == 1
    assert not cache(away_from_home).exists()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_for_a_shell(shell: str) -> None:
    done = invoke("completion", shell)
    assert done.exit_code == 0
    assert f"_TTS_HUB_COMPLETE={shell}_complete" in done.stdout


def test_help_says_how_to_set_it_up() -> None:
    assert "\n  completion " in invoke("--help").stdout
    assert "tts-hub completion bash >> ~/.bashrc" in invoke("completion", "--help").stdout


def test_bash_itself_completes(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(invoke("completion", "bash").stdout)
    shell = (
        f"source {script}; COMP_WORDS=(tts-hub speak -m esp); COMP_CWORD=3; "
        '_tts_hub_completion tts-hub; echo "${COMPREPLY[@]}"'
    )
    path = os.pathsep.join([str(Path(PROGRAM).parent), os.environ["PATH"]])
    done = subprocess.run(
        ["bash", "-c", shell], env=os.environ | {"PATH": path}, capture_output=True, check=True, text=True
    )
    assert done.stdout.split() == ["espeak"]
