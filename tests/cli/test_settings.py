"""`tts-hub config set` and `unset`, in a process of their own."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from tests.cli.running import complaint, run
from tts_hub.config_file.loading import load_config
from tts_hub.system.folders import user_config_file

FILE = """\
# Mine.
[audio]
sample_rate = 16000  # enough
"""


def config(*arguments: str) -> str:
    """The output of a command, which has to succeed."""
    done = run("config", *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    return done.stdout.decode()


def refused(*arguments: str) -> str:
    done = run(*arguments)
    assert done.stdout == b""
    return complaint(done.returncode, done.stderr.decode())


def test_set_writes_the_users_own_file_and_says_so(away_from_home: Path) -> None:
    own = user_config_file()
    assert own.is_relative_to(away_from_home)
    assert (
        config("set", "audio.response_format", "wav") == f'audio.response_format = "wav": written to {own}\n'
    )
    assert own.read_text() == '[audio]\nresponse_format = "wav"\n'
    assert stat.S_IMODE(own.stat().st_mode) == 0o600
    assert f'audio.response_format = "wav"  # {own}' in config().splitlines()


def test_set_edits_the_file_that_is_read_and_keeps_its_comments() -> None:
    Path("config.toml").write_text(FILE)
    assert (
        config("set", "audio.sample_rate", "48000") == "audio.sample_rate = 48000: written to config.toml\n"
    )
    assert Path("config.toml").read_text() == FILE.replace("16000", "48000")
    assert config("set", "audio.sample_rate", "48000").endswith(": nothing to change in config.toml\n")


def test_set_leaves_the_reference_alone_and_writes_the_users_own_file() -> None:
    Path("config.toml").write_text(f"reference = true\n{FILE}")
    done = run("config", "set", "audio.sample_rate", "48000")
    own = user_config_file()
    assert done.stdout.decode() == f"audio.sample_rate = 48000: written to {own}\n"
    assert f"Your config file is {own}" in done.stderr.decode()
    assert Path("config.toml").read_text() == f"reference = true\n{FILE}"
    assert own.read_text() == "[audio]\nsample_rate = 48000\n"
    assert load_config(environ={}).config.audio.sample_rate == 48_000
    assert run("config", "unset", "audio.sample_rate").returncode == 0
    assert Path("config.toml").read_text() == f"reference = true\n{FILE}"


def test_set_makes_a_named_file() -> None:
    done = run("--config", "folder/new.toml", "config", "set", "fallback", "espeak, kokoro")
    assert done.stdout.decode() == 'fallback = ["espeak", "kokoro"]: written to folder/new.toml\n'
    assert load_config("folder/new.toml", {}).config.fallback == ("espeak", "kokoro")


def test_a_negative_number_is_a_value() -> None:
    assert config("set", "audio.loudness", "-23").startswith("audio.loudness = -23.0: written")


def test_unset_takes_the_line_out() -> None:
    Path("config.toml").write_text(FILE)
    assert config("unset", "audio.sample_rate") == "audio.sample_rate is no longer set in config.toml\n"
    assert Path("config.toml").read_text() == "# Mine.\n[audio]\n"
    assert config("unset", "audio.sample_rate") == "audio.sample_rate was not set in config.toml\n"


def test_setting_to_nothing_unsets_what_can_be_none() -> None:
    Path("config.toml").write_text("[budget]\nper_day = 5\n")
    assert config("set", "budget.per_day", "") == "budget.per_day is unset: written to config.toml\n"
    assert Path("config.toml").read_text() == "[budget]\n"


def test_a_service_is_added_and_removed() -> None:
    Path("config.toml").write_text(FILE)
    config("set", "remote.box.kind", "openai")
    config("set", "remote.box.url", "http://127.0.0.1:80")
    assert 'remote.box.url = "http://127.0.0.1:80"  # config.toml' in config().splitlines()
    config("unset", "remote.box")
    assert Path("config.toml").read_text() == FILE


def test_a_variable_that_overrides_the_file_is_reported() -> None:
    done = run("config", "set", "audio.sample_rate", "48000", TTS_HUB_AUDIO__SAMPLE_RATE="16000")
    assert done.returncode == 0
    assert done.stderr.decode() == (
        "warning: the environment variable TTS_HUB_AUDIO__SAMPLE_RATE overrides the file\n"
    )


@pytest.mark.parametrize("key", ["backends.openai.api_key", "server.api_keys"])
def test_a_secret_is_written_and_not_shown(key: str) -> None:
    assert config("set", key, "sk-very-secret").startswith(f"{key} = ***: written to ")
    assert "sk-very-secret" in user_config_file().read_text()
    assert "very-secret" not in config()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("set", "audio.sample_rate", "fast"), "setting 'audio.sample_rate' is 'fast'"),
        (
            ("set", "audio.sample_rat", "48000"),
            "unknown setting 'audio.sample_rat'; did you mean 'sample_rate'",
        ),
        (("set", "backends.openai.url", "ftp://x"), "setting 'backends.openai.url' is 'ftp://x'"),
        (("unset", "audio.sample_rat"), "unknown setting 'audio.sample_rat'"),
        (("set", "aliases.a", "a"), "leads back to itself"),
        (("set", "model"), "Missing argument 'VALUE'"),
    ],
)
def test_a_wrong_value_is_refused_and_nothing_written(arguments: tuple[str, ...], message: str) -> None:
    Path("config.toml").write_text(FILE)
    assert message in refused("config", *arguments)
    assert Path("config.toml").read_text() == FILE


def test_a_broken_file_is_not_overwritten() -> None:
    Path("config.toml").write_text("[audio\n")
    assert "not valid TOML" in refused("config", "set", "model", "espeak")
    assert Path("config.toml").read_text() == "[audio\n"


@pytest.mark.parametrize("repair", [("set", "audio.sample_rate", "16000"), ("unset", "audio.sample_rate")])
def test_a_wrong_value_in_the_file_can_be_repaired(repair: tuple[str, ...]) -> None:
    Path("config.toml").write_text("[audio]\nsample_rate = 'fast'\n")
    config(*repair)
    assert "audio.sample_rate = " in config()
