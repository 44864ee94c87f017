"""`tts-hub voices`, `models`, `doctor`, `config` and `--version`."""

from __future__ import annotations

import importlib.metadata
import json
import re
from pathlib import Path

import pytest

from tests.cli.running import complaint, invoke, run

OFF = "TTS_HUB_BACKENDS__ESPEAK__ENABLED"


def test_version() -> None:
    done = run("--version")
    assert done.stdout.decode() == f"tts-hub, version {importlib.metadata.version('tts-hub')}\n"


def test_help_names_every_command() -> None:
    shown = invoke("--help").stdout
    for command in ("speak", "voices", "models", "doctor", "config"):
        assert f"\n  {command} " in shown


# --- voices -----------------------------------------------------------------------------------------------


def test_voices_are_listed_with_language_and_engine() -> None:
    lines = invoke("voices").stdout.splitlines()
    assert lines[0].split() == ["voice", "name", "language", "gender", "engine"]
    assert lines[1].startswith("en-us ")
    assert lines[1].endswith(" espeak")
    assert len(lines) > 100


def test_voices_of_a_language() -> None:
    rows = json.loads(invoke("voices", "--language", "en", "--json").stdout)
    assert {row["language"].split("-")[0] for row in rows} == {"en"}
    assert {"en-us", "en-gb"} <= {row["id"] for row in rows}


def test_voices_of_a_model() -> None:
    rows = json.loads(invoke("voices", "--model", "tts-1", "--json").stdout)
    assert {row["backend"] for row in rows} == {"espeak"}


def test_voices_as_json_carry_all_that_is_known() -> None:
    rows = json.loads(invoke("voices", "--language", "de", "--json").stdout)
    (german,) = (row for row in rows if row["id"] == "de")
    assert german["name"] == "German"
    assert "f3" in german["variants"]


def test_variants_are_counted_and_listed_on_request() -> None:
    counted = invoke("voices").stdout.splitlines()[-1]
    listed = invoke("voices", "--variants").stdout.splitlines()[-1]
    assert "shown by --variants" in counted
    assert "f3" in listed.split(": ")[1].split(", ")


# --- models and doctor ------------------------------------------------------------------------------------


def test_models_are_listed_with_aliases() -> None:
    lines = [line.split() for line in invoke("models").stdout.splitlines()]
    assert ["espeak", "espeak", "ready"] in [line[:3] for line in lines]
    assert ["tts-1", "auto", "alias"] in lines
    assert ["auto", "espeak"] in [line[:2] for line in lines]


UNREADY = {"alltalk", "openai", "elevenlabs"}
"""Engines that need an address or a key."""


@pytest.mark.parametrize("command", ["models", "doctor"])
def test_engines_that_are_not_ready_are_counted_and_shown_on_request(command: str) -> None:
    brief, whole = invoke(command).stdout, invoke(command, "--all").stdout
    engines = json.loads(invoke("doctor", "--json").stdout)["engines"]
    hidden = [engine["name"] for engine in engines if not engine["availability"]["ready"]]
    assert set(hidden) >= UNREADY
    assert f"{len(hidden)} more engines need something: tts-hub {command} --all" in brief
    assert "more engines" not in whole
    for name in UNREADY:
        assert not re.search(rf"^{name}", brief, re.MULTILINE)
        assert re.search(rf"^{name}", whole, re.MULTILINE)
    order = [engine["availability"]["ready"] for engine in engines]
    assert order == sorted(order, reverse=True)  # ready engines come first


@pytest.mark.parametrize(
    "content",
    [
        '[backends.openai]\nvoice = "alloy"\n',
        'model = "openai/tts-1"\n',
        'fallback = ["openai"]\n',
        '[aliases]\nmine = "openai"\n[audio]\nsample_rate = 24000\n',
    ],
)
def test_a_configured_engine_is_shown_though_it_is_not_ready(content: str) -> None:
    Path("config.toml").write_text(content)
    shown = "openai: not ready" in invoke("doctor").stdout
    assert shown == ("aliases" not in content)  # an alias alone may never be used


def test_where_nothing_is_ready_everything_is_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OFF, "false")
    shown = invoke("doctor").stdout
    assert all(f"{name}: not ready" in shown for name in UNREADY)


def test_voices_says_how_many_engines_have_none_to_list() -> None:
    done = invoke("voices")
    assert "more engines need something first: tts-hub voices --all" in done.stderr
    listed = invoke("voices", "--all")
    assert "openai: not ready: it needs a key" in listed.stdout
    assert listed.stderr == ""
    assert invoke("voices", "--model", "espeak").stderr == ""


@pytest.mark.parametrize(
    "command", [["models"], ["models", "list"], ["doctor"], ["voices"], ["config"]], ids=" ".join
)
def test_json_is_in_lines_that_can_be_read(command: list[str]) -> None:
    shown = invoke(*command, "--json").stdout
    assert json.loads(shown)
    assert len(shown.splitlines()) > 10


def test_no_voices_are_an_empty_list() -> None:
    assert json.loads(invoke("voices", "--language", "tlh", "--json").stdout) == []


def test_models_as_json() -> None:
    shown = json.loads(invoke("models", "--json").stdout)
    assert shown["auto"] == "espeak"
    assert shown["aliases"]["tts-1"] == "auto"
    (espeak,) = (engine for engine in shown["engines"] if engine["name"] == "espeak")
    assert espeak["availability"]["ready"] is True


def test_doctor_is_content_with_an_engine_that_is_ready() -> None:
    done = invoke("doctor")
    assert done.exit_code == 0
    assert "espeak: ready" in done.stdout.splitlines()
    assert "`auto` means espeak." in done.stdout


def test_doctor_says_why_nothing_can_speak(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OFF, "false")
    done = invoke("doctor")
    assert done.exit_code == 1
    assert "espeak: not ready: switched off in the configuration" in done.stdout
    assert "No engine can speak." in done.stdout


@pytest.mark.parametrize(
    ("variable", "value", "complaint"),
    [
        ("TTS_HUB_MODEL", "nope", "unknown model 'nope'"),
        ("TTS_HUB_FALLBACK", '["nope"]', "unknown model 'nope'"),
        ("TTS_HUB_BACKENDS__ESPEAK__VOICE", "nope", "unknown voice 'nope'"),
        ("TTS_HUB_AUDIO__SAMPLE_RATE", "12345", "12345"),
    ],
)
def test_doctor_says_which_default_cannot_be_met(
    variable: str, value: str, complaint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    done = invoke("doctor")
    assert done.exit_code == 1
    assert complaint in done.stdout


def test_doctor_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OFF, "false")
    done = invoke("doctor", "--json")
    assert done.exit_code == 1
    (espeak,) = (engine for engine in json.loads(done.stdout)["engines"] if engine["name"] == "espeak")
    assert espeak["availability"] == {
        "ready": False,
        "reason": "switched off in the configuration",
        "remedy": "",
        "internal": False,
    }


def test_speaking_with_no_engine_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(OFF, "false")
    done = invoke("speak", "Hello.", "-o", "x.wav")
    assert "switched off in the configuration" in complaint(done.exit_code, done.stderr)


# --- config -----------------------------------------------------------------------------------------------


def test_config_shows_where_each_value_comes_from(monkeypatch: pytest.MonkeyPatch) -> None:
    Path("my.toml").write_text('model = "espeak"\n[backends.espeak]\nvoice = "en-gb"\n')
    monkeypatch.setenv("TTS_HUB_AUDIO__SAMPLE_RATE", "48000")
    lines = invoke("--config", "my.toml", "config").stdout.splitlines()
    assert 'model = "espeak"  # my.toml' in lines
    assert 'backends.espeak.voice = "en-gb"  # my.toml' in lines
    assert "audio.sample_rate = 48000  # TTS_HUB_AUDIO__SAMPLE_RATE" in lines
    assert 'audio.response_format = "mp3"  # default' in lines


@pytest.mark.parametrize(
    "name", ["kokoro", "chatterbox_turbo", "openai", "alltalk", "espeak", "piper", "phonon"]
)
def test_config_lists_the_settings_of_every_engine(name: str) -> None:
    assert f"backends.{name}.enabled = true  # default" in invoke("config").stdout.splitlines()


def test_a_reference_in_this_folder_is_not_read_and_a_message_says_so(away_from_home: Path) -> None:
    Path("config.toml").write_text('reference = true\nmodel = "espeak"\n')
    for command in (["config"], ["doctor"], ["config", "--path"]):
        done = invoke(*command)
        assert str(Path("config.toml").absolute()) in done.stderr
        assert "reference = true" in done.stderr
        assert str(away_from_home) in done.stderr
    assert 'model = "auto"  # default' in invoke("config").stdout
    assert invoke("--config", "config.toml", "doctor").stderr == ""


def test_config_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTS_HUB_AUDIO__SAMPLE_RATE", "48000")
    shown = json.loads(invoke("config", "--json").stdout)
    assert shown["audio.sample_rate"] == {"value": 48000, "source": "TTS_HUB_AUDIO__SAMPLE_RATE"}


def test_config_names_the_file_that_is_read(away_from_home: Path) -> None:
    named = invoke("config", "--path").stdout
    assert named.startswith("none; ")
    own = Path(named.removeprefix("none; ").removesuffix(" would be read\n"))
    assert own.is_relative_to(away_from_home)
    own.parent.mkdir(parents=True)
    own.write_text('model = "espeak"\n')
    assert invoke("config", "--path").stdout == f"{own}\n"


def test_config_does_not_show_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTS_HUB_SERVER__API_KEYS", '["sk-very-secret"]')
    for arguments in (["config"], ["config", "--json"]):
        shown = invoke(*arguments).stdout
        assert "very-secret" not in shown
        assert "***" in shown


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("[audio]\nsample_rat = 16000\n", "'audio.sample_rat' (my.toml).*did you mean 'sample_rate'"),
        ("[audio]\nsample_rate = 'fast'\n", "'audio.sample_rate' (my.toml) is 'fast'"),
        ("[backends.espek]\n", "backends.espek.*did you mean 'espeak'"),
        ("[backends.espeak]\nvoise = 'de'\n", "backends.espeak.voise.*did you mean 'voice'"),
        ("[audio\n", "my.toml is not valid TOML"),
    ],
)
@pytest.mark.parametrize("command", [["config"], ["doctor"], ["speak", "Hello.", "-o", "x.wav"]])
def test_a_wrong_config_file_stops_every_command(content: str, message: str, command: list[str]) -> None:
    Path("my.toml").write_text(content)
    done = invoke("--config", "my.toml", *command)
    said = complaint(done.exit_code, done.stderr)
    for part in message.split(".*"):
        assert part in said


def test_a_missing_config_file_is_an_error() -> None:
    done = invoke("--config", "missing.toml", "config")
    assert complaint(done.exit_code, done.stderr).startswith("cannot read config file missing.toml")


def test_a_misspelt_variable_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TTS_HUB_AUDO__SAMPLE_RATE", "48000")
    done = invoke("speak", "Hello.", "-o", "x.wav")
    assert "TTS_HUB_AUDO__SAMPLE_RATE" in complaint(done.exit_code, done.stderr)
