"""Configuration: where values come from, and the errors for wrong ones."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, SecretStr, ValidationError

from tts_hub import TTSBackendManager
from tts_hub.config import (
    AudioConfig,
    BudgetConfig,
    Config,
    LimitsConfig,
    ServerConfig,
    StoreConfig,
    TextConfig,
    explain,
    parse_config,
)
from tts_hub.config_file.editing import edit
from tts_hub.config_file.loading import load_config, reference_here, settings_in
from tts_hub.engines.registry import Registry
from tts_hub.errors import ConfigError

ROOT = Path(__file__).parent.parent
SECTIONS: dict[str, type[BaseModel]] = {
    "audio": AudioConfig,
    "text": TextConfig,
    "limits": LimitsConfig,
    "budget": BudgetConfig,
    "server": ServerConfig,
    "store": StoreConfig,
}


def test_the_file_in_the_repository_equals_the_defaults_and_is_complete() -> None:
    values = settings_in(tomllib.loads((ROOT / "config.toml").read_text(encoding="utf-8")))
    engines = values.pop("backends")
    assert parse_config(values) == Config()
    assert set(values) == set(Config.model_fields) - {"backends"}
    for name, model in SECTIONS.items():
        assert set(values[name]) == set(model.model_fields)
    registry = Registry(engines)
    registry.check_sections()
    for entry in registry:
        assert entry.settings() == entry.backend_class().Settings()


def test_the_file_in_the_repository_is_marked_as_the_reference_and_says_so_at_the_top() -> None:
    text = (ROOT / "config.toml").read_text(encoding="utf-8")
    top = text[: text.index("\nmodel = ")]
    assert "\nreference = true\n" in top
    assert "In your copy of the file, delete the line" in top


def test_a_reference_in_the_working_folder_is_not_read(away_from_home: Path) -> None:
    Path("config.toml").write_text('reference = true\nmodel = "espeak"\n')
    assert load_config(environ={}).path is None
    own = away_from_home / ".config" / "tts-hub" / "config.toml"
    own.parent.mkdir(parents=True)
    own.write_text('model = "own"\n')
    assert load_config(environ={}).path == own
    assert reference_here() == Path("config.toml").absolute()


@pytest.mark.parametrize("mark", ["reference = false\n", ""])
def test_a_copy_without_the_mark_is_read(mark: str) -> None:
    Path("config.toml").write_text(f'{mark}model = "espeak"\n')
    assert load_config(environ={}).config.model == "espeak"
    assert reference_here() is None


def test_a_reference_is_read_where_it_is_named_or_in_the_users_folder(away_from_home: Path) -> None:
    own = away_from_home / ".config" / "tts-hub" / "config.toml"
    own.parent.mkdir(parents=True)
    own.write_text(
        (ROOT / "config.toml").read_text(encoding="utf-8").replace('model = "auto"', 'model = "espeak"')
    )
    assert load_config(environ={}).config.model == "espeak"
    assert load_config(own, {}).config.model == "espeak"
    assert load_config(environ={"TTS_HUB_CONFIG": str(own)}).config.model == "espeak"
    assert edit(own, {"model": "kokoro"}) == ("model",)
    assert load_config(environ={}).config.model == "kokoro"


def test_an_invalid_mark_is_refused() -> None:
    Path("config.toml").write_text('reference = "yes"\nmodel = "espeak"\n')
    with pytest.raises(ConfigError, match="'reference' is 'yes'"):
        load_config(environ={})


def test_every_setting_of_the_file_is_explained() -> None:
    lines = (ROOT / "config.toml").read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines):
        if "=" in line and not line.startswith(("#", '"')):
            above = [text for text in lines[max(0, number - 3) : number] if text]
            assert any(text.startswith("#") for text in above), line


def test_file_goes_over_defaults_and_environment_over_file(tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    file.write_text('model = "espeak"\n[audio]\nsample_rate = 48000\nsentence_pause = 1\n')
    loaded = load_config(file, {"TTS_HUB_AUDIO__SAMPLE_RATE": "16000", "TTS_HUB_FALLBACK": '["a", "b"]'})
    assert loaded.config.model == "espeak"
    assert loaded.config.audio.sample_rate == 16_000
    assert loaded.config.audio.sentence_pause == 1
    assert loaded.config.fallback == ("a", "b")
    assert loaded.sources == {
        "model": str(file),
        "audio.sentence_pause": str(file),
        "audio.sample_rate": "TTS_HUB_AUDIO__SAMPLE_RATE",
        "fallback": "TTS_HUB_FALLBACK",
    }


def test_the_working_folder_comes_before_the_users_folder(away_from_home: Path) -> None:
    own = away_from_home / ".config" / "tts-hub" / "config.toml"
    own.parent.mkdir(parents=True)
    own.write_text('model = "from-home"')
    assert load_config(environ={}).config.model == "from-home"
    Path("config.toml").write_text('model = "from-here"')
    assert load_config(environ={}).config.model == "from-here"


def test_a_config_file_of_another_program_is_left_alone() -> None:
    Path("config.toml").write_text('baseURL = "https://example.org"\n[params]\nx = 1\n')
    assert load_config(environ={}).config == Config()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "[audio]\nsample_rat = 1\n",
            r"unknown setting 'audio\.sample_rat' \(.*\); did you mean 'sample_rate'",
        ),
        ("[adio]\n", "unknown setting 'adio'.*did you mean 'audio'"),
        ("[audio]\nsample_rate = 'fast'\n", r"'audio\.sample_rate' .* is 'fast': .*integer"),
        ("[limits]\nmax_queue = -1\n", r"limits\.max_queue.*-1"),
        ("[audio\n", "not valid TOML"),
        ("[aliases]\na = 1\n", r"aliases\.a.*string"),
    ],
)
def test_a_wrong_file_is_one_clear_line(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        load_config(file, {})
    assert "\n" not in str(caught.value)


def test_a_named_file_that_is_missing_is_an_error() -> None:
    with pytest.raises(ConfigError, match=r"cannot read config file nowhere\.toml: No such file"):
        load_config("nowhere.toml", {})
    with pytest.raises(ConfigError, match="nowhere"):
        load_config(environ={"TTS_HUB_CONFIG": "nowhere.toml"})


@pytest.mark.parametrize(
    ("variable", "message"),
    [
        ("TTS_HUB_MODLE", "unknown variable TTS_HUB_MODLE; did you mean 'TTS_HUB_MODEL'"),
        ("TTS_HUB_AUDIO__RATE", r"unknown setting 'audio\.rate' \(TTS_HUB_AUDIO__RATE\)"),
        ("TTS_HUB_MODEL__X", "TTS_HUB_MODEL__X"),
    ],
)
def test_a_wrong_variable_is_an_error_that_names_it(variable: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        load_config(environ={variable: "1"})


def test_a_section_for_a_missing_engine_is_an_error() -> None:
    with pytest.raises(
        ConfigError, match=r"'backends\.espaek' belongs to no installed engine; did you mean 'espeak'"
    ):
        Registry({"espaek": {}}).check_sections()


def test_an_engines_own_section_is_checked_against_its_settings() -> None:
    with pytest.raises(ConfigError, match=r"unknown setting 'backends\.espeak\.voise'; did you mean 'voice'"):
        Registry({"espeak": {"voise": "de"}}).check_sections()


@given(
    rate=st.integers(8_000, 192_000),
    pause=st.floats(0, 10),
    queue=st.integers(0, 10_000),
    model=st.text(st.characters(codec="utf-8", exclude_categories=["C"]), min_size=1),
)
def test_a_dumped_config_is_parsed_to_the_same_config(
    rate: int, pause: float, queue: int, model: str
) -> None:
    values = {
        "model": model,
        "audio": {"sample_rate": rate, "sentence_pause": pause},
        "limits": {"max_queue": queue},
    }
    config = parse_config(values)
    assert config.model == model
    assert (config.audio.sample_rate, config.audio.sentence_pause) == (rate, pause)
    assert config.limits.max_queue == queue
    assert parse_config(config.model_dump()) == config


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    ).map(lambda value: {"audio": value})
    | st.dictionaries(
        st.sampled_from(list(Config.model_fields)), st.integers() | st.text() | st.lists(st.text())
    )
)
def test_no_values_at_all_raise_anything_but_a_config_error(values: dict[str, object]) -> None:
    try:
        parse_config(values)
    except ConfigError as exc:
        assert str(exc)


@pytest.mark.parametrize("value", ["12345", '{"a": 1}', '["abc", 998877]'])
def test_a_wrong_key_is_not_printed(value: str) -> None:
    with pytest.raises(ConfigError, match=r"server\.api_keys") as caught:
        load_config(environ={"TTS_HUB_SERVER__API_KEYS": value})
    assert "12345" not in str(caught.value)
    assert "998877" not in str(caught.value)


def test_a_single_key_needs_no_list() -> None:
    assert load_config(environ={"TTS_HUB_SERVER__API_KEYS": "secret"}).config.server.api_keys == ("secret",)


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("tts-1", "auto"),
        ("TTS-1", "auto"),
        ("Auto", "auto"),
        ("Mine", "espeak"),
        ("mine", "kokoro"),
        ("MINE", "espeak"),
        ("eSpeak", "eSpeak"),
    ],
)
def test_an_alias_is_found_in_any_case_and_first_as_it_is_written(name: str, target: str) -> None:
    config = parse_config({"aliases": {"Mine": "espeak", "mine": "kokoro"}})
    assert config.alias_target(name) == target


def test_an_origin_may_be_written_as_browsers_show_it() -> None:
    config = parse_config({"server": {"cors_origins": ["https://Chat.example.org/"]}})
    assert config.server.cors_origins == ("https://chat.example.org",)


@pytest.mark.anyio
async def test_the_default_config_is_used_without_one() -> None:
    assert TTSBackendManager(discover=False).config == Config()


def test_a_wrong_secret_is_not_repeated_by_name_or_by_type() -> None:
    class Section(BaseModel):
        auth: SecretStr
        api_key: int = 0
        many: int = 0

    for values, shown in (
        ({"auth": ["hunter2"]}, False),
        ({"auth": "x", "api_key": "hunter2"}, False),
        ({"auth": "x", "many": "hunter2"}, True),
    ):
        with pytest.raises(ValidationError) as caught:
            Section.model_validate(values)
        assert ("hunter2" in explain(caught.value, Section)) is shown
