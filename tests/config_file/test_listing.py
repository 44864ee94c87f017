"""The list of settings, and the value that a person's text gives each of them."""

from __future__ import annotations

import math
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import pytest
from pydantic import BaseModel

from tts_hub.backend import BackendSettings
from tts_hub.config import Config
from tts_hub.config_file.listing import Setting, setting_at, settings
from tts_hub.config_file.loading import load_config
from tts_hub.config_file.shape import shape_of
from tts_hub.config_file.values import parse_value
from tts_hub.engines.registry import Registry
from tts_hub.errors import ConfigError


def found(text: str = "", **environ: str) -> dict[str, Setting]:
    """All settings by their key."""
    Path("my.toml").write_text(text, encoding="utf-8")
    loaded = load_config("my.toml", environ)
    return {each.key: each for each in settings(loaded, registry_of(loaded.config), environ)}


def at(key: str, text: str = "") -> Setting:
    Path("my.toml").write_text(text, encoding="utf-8")
    loaded = load_config("my.toml", {})
    return setting_at(key, loaded, registry_of(loaded.config), {})


def registry_of(config: Config) -> Registry:
    return Registry(config.backends, config.remote)


def test_a_setting_has_its_value_source_kind_and_bounds() -> None:
    assert found("[audio]\nsample_rate = 16000\n")["audio.sample_rate"] == Setting(
        key="audio.sample_rate",
        value=16000,
        default=24000,
        source="my.toml",
        description="sample rate in Hz",
        section="The audio that is handed out, whatever engine made it.",
        kind="int",
        minimum=8000,
        maximum=192000,
    )


@pytest.mark.parametrize(
    ("key", "kind", "choices"),
    [
        ("audio.response_format", "choice", ("mp3", "opus", "aac", "flac", "wav", "pcm")),
        ("audio.loudness", "float", ("off",)),
        ("audio.trim_silence", "bool", ()),
        ("budget.per_day", "float", ("off",)),
        ("fallback", "list", ()),
        ("aliases", "table", ()),
        ("aliases.tts-1", "text", ()),
        ("backends.kokoro.model_path", "path", ()),
        ("backends.openai.dialect", "choice", ("openai", "hub", "kokoro", "plain", "auto")),
        ("backends.openai.formats", "list", ("pcm", "wav", "flac", "opus", "mp3", "aac")),
        ("backends.openai.api_key", "text", ()),
        ("backends.espeak.concurrency", "int", ()),
        ("remote", "table", ()),
    ],
)
def test_kinds_and_choices(key: str, kind: str, choices: tuple[str, ...]) -> None:
    setting = found()[key]
    assert (setting.kind, setting.choices) == (kind, choices)


def test_exclusive_bounds_are_marked_as_exclusive() -> None:
    all_of_them = found()
    assert (all_of_them["limits.load_timeout"].minimum, all_of_them["limits.load_timeout"].open_minimum) == (
        0,
        True,
    )
    assert (all_of_them["audio.loudness"].minimum, all_of_them["audio.loudness"].maximum) == (-40, -10)


def test_no_setting_is_left_out() -> None:
    keys = found("remote.box.kind = 'openai'\n").keys()
    for name, info in Config.model_fields.items():
        if isinstance(info.annotation, type) and issubclass(info.annotation, BaseModel):
            assert {f"{name}.{inner}" for inner in info.annotation.model_fields} <= keys
    for entry in Registry():
        fields = entry.backend_class().Settings.model_fields
        assert {f"backends.{entry.name}.{inner}" for inner in fields} <= keys
        if entry.name == "openai":
            assert {f"remote.box.{inner}" for inner in ("kind", *fields)} <= keys


def test_a_service_has_the_settings_of_its_kind() -> None:
    all_of_them = found("[remote.box]\nkind = 'alltalk'\nroute = 'file'\n")
    kind, route = all_of_them["remote.box.kind"], all_of_them["remote.box.route"]
    assert (kind.value, kind.choices, kind.source) == (
        "alltalk",
        ("alltalk", "elevenlabs", "openai"),
        "my.toml",
    )
    assert (route.value, route.default, route.source) == ("file", "auto", "my.toml")


def test_a_table_is_followed_by_its_contents() -> None:
    prices = "[backends.openai.prices.'gpt-4.1 x']\nper_million_characters = 3\nchecked = 2026-11-20\n"
    keys = list(found(prices))
    first = keys.index("backends.openai.prices")
    inside = 'backends.openai.prices."gpt-4.1 x".'
    assert all(key.startswith(inside) for key in keys[first + 1 : first + 3])
    assert found(prices)[inside + "per_million_characters"].value == 3


# --- sources, locks and secrets ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "value", "key"),
    [
        ("TTS_HUB_AUDIO__SAMPLE_RATE", "48000", "audio.sample_rate"),
        ("TTS_HUB_AUDIO", '{"loudness": "off"}', "audio.sample_rate"),
        ("TTS_HUB_BACKENDS__ESPEAK__VOICE", "de", "backends.espeak.voice"),
        ("TTS_HUB_ALIASES", '{"a": "b"}', "aliases.tts-1"),
    ],
)
def test_a_variable_that_goes_before_the_file_is_named(variable: str, value: str, key: str) -> None:
    all_of_them = found("[audio]\nsample_rate = 16000\n", **{variable: value})
    assert all_of_them[key].locked_by == variable
    assert all_of_them["audio.trim_silence"].locked_by == (variable if variable == "TTS_HUB_AUDIO" else None)
    assert all_of_them["model"].locked_by is None


def test_secrets_are_not_in_it() -> None:
    text = """
    server.api_keys = ["very-secret", "very-secret-2"]
    backends.openai.api_key = "very-secret"
    backends.openai.fields = {inner = {api-key = "very-secret", max_tokens = 3}}
    remote.box = {kind = "openai", api_key = "very-secret"}
    """
    all_of_them = found(text)
    assert "very-secret" not in repr(all_of_them)
    assert all_of_them["server.api_keys"].value == ["***", "***"]
    assert all_of_them["remote.box.api_key"].value == "***"
    secrets = {each.key for each in all_of_them.values() if each.is_secret}
    assert {"server.api_keys", "backends.openai.api_key", "backends.openai.fields.inner.api-key"} <= secrets
    assert not all_of_them["backends.chatterbox_turbo.max_speech_tokens"].is_secret
    assert not all_of_them["backends.openai.api_key_env"].is_secret


# --- one setting ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("aliases.new", "text"),
        ('aliases."gpt-4.1"', "text"),
        ("audio", "table"),
        ("remote.new.kind", "any"),
        ("backends.openai.prices.x.per_million_characters", "float"),
        ("backends.openai.fields.x.y", "any"),
    ],
)
def test_a_setting_that_is_not_set_yet_has_a_kind_too(key: str, kind: str) -> None:
    assert at(key).kind == kind
    assert at(key).key == key


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("audio.sample_rat", r"unknown setting 'audio\.sample_rat'; did you mean 'sample_rate'"),
        ("modle", "unknown setting 'modle'; did you mean 'model'"),
        ("backends.espaek.voice", r"unknown setting 'backends\.espaek\.voice'; did you mean 'espeak'"),
        ("model.x", r"unknown setting 'model\.x'"),
        ("aliases.a.b", r"unknown setting 'aliases\.a\.b'"),
        ("", "'' is not the name of a setting"),
    ],
)
def test_an_unknown_setting_is_an_error(key: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        at(key)


def test_a_listed_setting_is_the_same_alone() -> None:
    text = "[backends.openai]\nprices.x.per_million_characters = 1\nfields.a.b = 1\n"
    for key, setting in found(text).items():
        assert at(key, text) == setting


# --- what is typed ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("key", "text", "value"),
    [
        ("model", " x ", " x "),
        ("model", "", ""),
        ("model", "off", "off"),
        ("backends.espeak.voice", "", None),
        ("backends.espeak.voice", "007", "007"),
        ("audio.sample_rate", " 48000 ", 48000),
        ("audio.clause_pause", "1", 1.0),
        ("audio.loudness", "-23", -23.0),
        ("audio.loudness", "OFF", "off"),
        ("budget.per_day", "off", "off"),
        ("budget.per_day", "", None),
        ("budget.per_day", "2.5", 2.5),
        ("audio.trim_silence", "no", False),
        ("audio.trim_silence", "True", True),
        ("backends.openai.native_speed", "", None),
        ("backends.openai.native_speed", "off", False),
        ("audio.response_format", "WAV", "wav"),
        ("fallback", "", []),
        ("fallback", "a, b c", ["a", "b c"]),
        ("fallback", '["a,b"]', ["a,b"]),
        ("fallback", "['a']", ["a"]),
        ("backends.openai.formats", "wav,mp3", ["wav", "mp3"]),
        ("aliases", '{"a": "b"}', {"a": "b"}),
        ("aliases", "{a = 'b'}", {"a": "b"}),
        ("aliases", "", {}),
        ("backends.openai.fields.x", "[1, 2]", [1, 2]),
        ("backends.openai.fields.x", "some words", "some words"),
        ("backends.kokoro.model_path", "~/x", "~/x"),
    ],
)
def test_text_becomes_the_right_type(key: str, text: str, value: Any) -> None:
    parsed = parse_value(at(key), text)
    assert (parsed, type(parsed)) == (value, type(value))


@pytest.mark.parametrize(
    ("key", "text", "message"),
    [
        ("audio.sample_rate", "fast", r"'audio\.sample_rate' is 'fast': a whole number is possible"),
        ("audio.sample_rate", "", "a whole number"),
        ("audio.sample_rate", "1.5", "a whole number"),
        ("audio.sample_rate", "7999", "is '7999': it must be at least 8000"),
        ("audio.loudness", "-9", "must be at most -10"),
        ("audio.loudness", "loud", "a number or off is possible"),
        ("limits.load_timeout", "0", "must be more than 0"),
        ("limits.load_timeout", "inf", "a finite number"),
        ("audio.trim_silence", "maybe", "true or false"),
        ("audio.response_format", "wave", "'wave': did you mean 'wav'"),
        ("audio.response_format", "", "possible: mp3"),
        ("backends.openai.formats", "wav, mp4", "is 'mp4': did you mean 'mp3'"),
        ("fallback", "[a", "a list is written"),
        ("aliases", "x", "a table is written"),
    ],
)
def test_text_that_means_no_value_is_refused(key: str, text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_value(at(key), text)


def test_a_secret_that_is_wrong_is_not_repeated() -> None:
    with pytest.raises(ConfigError, match=r"'server\.api_keys' is not valid") as caught:
        parse_value(at("server.api_keys"), "[very-secret")
    assert "very-secret" not in str(caught.value)


# --- engines of strangers ---------------------------------------------------------------------------------


class Inner(BackendSettings):
    again: Inner | None = None
    words: Literal["a"] = "a"


class Strange(BackendSettings):
    """Settings with types that JSON does not have."""

    made_of: type = int
    number: int | str = 1
    infinite: float = math.inf
    inner: Inner | None = None


def test_settings_that_have_no_json_schema_can_be_anything() -> None:
    members = shape_of(Strange).members
    assert (members["made_of"].kind, members["number"].kind) == ("any", "any")
    assert members["inner"].members["again"].kind == "any"
    assert members["inner"].members["words"].choices == ("a",)


def test_an_engine_that_does_not_import_shows_the_settings_of_the_file(tmp_path: Path) -> None:
    info = tmp_path / "broken_tts-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-tts\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[tts_hub.backends]\nbroken = nowhere_tts:Engine\n")
    Path("my.toml").write_text("[backends.broken]\nvoice = 'x'\n")
    code = (
        "from tts_hub.config_file.loading import load_config; from tts_hub.engines.registry import Registry;"
        "from tts_hub.config_file.listing import settings; loaded = load_config('my.toml');"
        "print([(s.value, s.kind, s.section) for s in settings(loaded, Registry(loaded.config.backends))"
        " if s.key == 'backends.broken.voice'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("""[('x', 'any', "engine 'broken' cannot be used""")


def test_listing_imports_nothing_heavy() -> None:
    code = (
        "import sys; from tts_hub.config_file.loading import load_config\n"
        "from tts_hub.engines.registry import Registry\n"
        "from tts_hub.config_file.listing import settings\n"
        "print(len(settings(load_config(), Registry())) > 100)\n"
        "print({'torch', 'onnxruntime', 'fastapi', 'textual', 'av'} & sys.modules.keys())"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "True\nset()\n"
