"""The config file on disk: which edits are written, which are refused, and that a refusal changes nothing."""

from __future__ import annotations

import os
import stat
import threading
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from tts_hub.config import Config, parse_config
from tts_hub.config_file.editing import edit, file_to_edit
from tts_hub.config_file.listing import Setting, settings
from tts_hub.config_file.loading import load_config
from tts_hub.config_file.placing import same
from tts_hub.config_file.values import parse_value
from tts_hub.engines.registry import Registry
from tts_hub.errors import ConfigError
from tts_hub.system.folders import user_config_file

REPOSITORY = (Path(__file__).parents[2] / "config.toml").read_bytes()


@pytest.fixture
def file() -> Path:
    path = Path("my.toml").absolute()
    path.write_bytes(REPOSITORY)
    return path


# --- every setting of the hub -----------------------------------------------------------------------------

_loaded = load_config(Path(__file__).parents[2] / "config.toml", {})
EDITABLE = [each for each in settings(_loaded, Registry(), {}) if each.kind not in {"table", "any"}]
_UNUSUAL = {"url": st.sampled_from(["http://127.0.0.1:80", "https://example.org/v1"])}


def values_of(setting: Setting) -> st.SearchStrategy[Any]:
    """The values that a setting allows."""
    words = st.characters(exclude_categories=["Cs"])
    least, most = setting.minimum, setting.maximum
    kinds: dict[str, Callable[[], st.SearchStrategy[Any]]] = {
        "bool": st.booleans,
        "int": lambda: st.integers(
            None if least is None else int(least), None if most is None else int(most)
        ),
        "float": lambda: st.floats(
            least, most, exclude_min=setting.open_minimum, allow_nan=False, allow_infinity=False
        ),
        "choice": lambda: st.sampled_from(setting.choices),
        "list": lambda: st.lists(
            st.sampled_from(setting.choices) if setting.choices else st.text(words), min_size=1, max_size=4
        ),
    }
    usual = kinds.get(setting.kind, lambda: st.text(words))()
    made = _UNUSUAL.get(setting.key.rpartition(".")[2], usual)
    return (
        made | st.sampled_from(setting.choices)
        if setting.kind in {"int", "float"} and setting.choices
        else made
    )


@hypothesis_settings(max_examples=200)
@given(st.sampled_from(EDITABLE).flatmap(lambda each: st.tuples(st.just(each), values_of(each))))
def test_every_setting_takes_what_it_says_and_only_its_own_line_changes(case: tuple[Setting, Any]) -> None:
    setting, value = case
    file = Path("all.toml")
    file.write_bytes(REPOSITORY)
    edit(file, {setting.key: value})
    found: Any = tomllib.loads(file.read_text(encoding="utf-8"))
    for part in setting.key.split("."):
        found = found[part]
    assert same(found, value)
    old, new = REPOSITORY.split(b"\n"), file.read_bytes().split(b"\n")
    start = next((n for n, pair in enumerate(zip(old, new, strict=False)) if pair[0] != pair[1]), len(old))
    replaced = len(new) == len(old)
    assert new[start + 1 :] == old[start + replaced :]


def test_a_setting_that_the_repository_comments_out_is_placed_below_its_comment(file: Path) -> None:
    edit(file, {"backends.chatterbox_turbo.threads": 2, "backends.openai.url": "http://127.0.0.1:80"})
    comments = (b"# threads = 4\n", b'# url = "http://127.0.0.1:8880/v1"\n')
    first, second = (REPOSITORY.index(comment) + len(comment) for comment in comments)
    assert file.read_bytes() == b"".join(
        [
            REPOSITORY[:first],
            b"threads = 2\n",
            REPOSITORY[first:second],
            b'url = "http://127.0.0.1:80"\n',
            REPOSITORY[second:],
        ]
    )


def test_setting_and_unsetting_gives_the_old_file(file: Path) -> None:
    edit(file, {"backends.kokoro.voice": "af_heart"})
    assert edit(file, {"backends.kokoro.voice": None}) == ("backends.kokoro.voice",)
    assert file.read_bytes() == REPOSITORY
    edit(file, {"remote.box.kind": "openai", "remote.box.url": "http://127.0.0.1:80"})
    assert load_config(file, {}).config.remote == {"box": {"kind": "openai", "url": "http://127.0.0.1:80"}}
    edit(file, {"remote.box": None})
    assert file.read_bytes() == REPOSITORY


def test_only_changed_settings_are_returned_and_an_unchanged_file_is_not_written(file: Path) -> None:
    inode = file.stat().st_ino
    assert edit(file, {"model": "auto", "audio.sample_rate": 24000, "text.nothing": None}) == ()
    assert file.stat().st_ino == inode
    assert edit(file, {"model": "auto", "audio.sample_rate": 16000}) == ("audio.sample_rate",)


def test_a_wrong_setting_can_be_taken_out() -> None:
    Path("my.toml").write_text("modle = 'a'\n[audio]\n")
    edit("my.toml", {"modle": None})
    assert Path("my.toml").read_text() == "[audio]\n"


# --- refusals ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"audio.sample_rate": 7}, r"'audio\.sample_rate' is 7: .*8000"),
        ({"audio.loudness": "loud"}, r"'audio\.loudness.* is 'loud'"),
        ({"audio.sample_rat": 16000}, r"unknown setting 'audio\.sample_rat'; did you mean 'sample_rate'"),
        ({"adio.sample_rate": 16000}, "unknown setting 'adio'"),
        ({"model": "espeak", "limits.max_queue": -1}, r"limits\.max_queue' is -1"),
        ({"backends.espeak.concurrency": 0}, r"'backends\.espeak\.concurrency' is 0"),
        ({"backends.espaek.voice": "de"}, r"'backends\.espaek' belongs to no installed engine"),
        ({"remote.box.url": "http://127.0.0.1:80"}, "'box' needs a `kind`"),
        ({"remote.box.kind": "espeka"}, r"'remote\.box\.kind' is 'espeka'; did you mean 'espeak'"),
        ({"aliases.a": "b", "aliases.b": "a"}, "leads back to itself"),
        ({"model.x": 1}, r"no setting 'model\.x': 'model' is a single value"),
        ({"audio": "mp3"}, "'audio' is a section"),
        ({"not a key": 1}, "'not a key' is not the name of a setting"),
        ({"model = 1\nx": 1}, "is not the name of a setting"),
        ({"server.port": float("nan")}, "a number that is infinite or not a number"),
        ({"fallback": [None]}, "'fallback': a NoneType cannot be written"),
        ({"model": "\udc80"}, "characters that cannot be written as UTF-8"),
    ],
)
def test_a_change_that_would_not_load_is_not_written(
    file: Path, changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        edit(file, changes)
    assert file.read_bytes() == REPOSITORY
    assert list(file.parent.iterdir()) == [file]


def test_a_wrong_key_of_a_service_is_not_printed(file: Path) -> None:
    with pytest.raises(ConfigError, match=r"server\.api_keys") as caught:
        edit(file, {"server.api_keys": [998877]})
    assert "998877" not in str(caught.value)


def test_a_fault_that_was_in_the_file_before_is_an_error_that_names_the_file() -> None:
    Path("my.toml").write_text("[audio]\nsample_rate = 7\n")
    with pytest.raises(ConfigError, match=r"'audio\.sample_rate' \(my\.toml\) is 7"):
        edit("my.toml", {"model": "espeak"})


@pytest.mark.parametrize("content", [b"[audio\n", b"model = '\xff'\n", b"\xef\xbb\xbfmodel = 'a'\n"])
def test_a_broken_file_is_an_error_and_stays_as_it_is(content: bytes) -> None:
    Path("my.toml").write_bytes(content)
    with pytest.raises(ConfigError, match=r"config file my\.toml is not valid TOML"):
        edit("my.toml", {"model": "espeak"})
    assert Path("my.toml").read_bytes() == content


def test_a_folder_is_no_config_file() -> None:
    Path("my.toml").mkdir()
    with pytest.raises(ConfigError, match=r"cannot read config file my\.toml: Is a directory"):
        edit("my.toml", {"model": "espeak"})


def test_a_file_that_cannot_be_written_is_an_error(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    Path("a-file").write_text("")
    with pytest.raises(ConfigError, match=r"config file a-file/config\.toml: Not a directory"):
        edit("a-file/config.toml", {"model": "espeak"})
    monkeypatch.setattr(os, "access", lambda *_: False)  # nothing is write-protected for root
    with pytest.raises(ConfigError, match="write-protected"):
        edit(file, {"model": "espeak"})
    assert file.read_bytes() == REPOSITORY


# --- the file itself --------------------------------------------------------------------------------------


def test_a_new_file_is_its_owners_alone(away_from_home: Path) -> None:
    file = away_from_home / "new" / "folder" / "config.toml"
    edit(file, {"audio.response_format": "wav"})
    assert file.read_text() == '[audio]\nresponse_format = "wav"\n'
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o600, 0o644, 0o664])
def test_permissions_stay(file: Path, mode: int) -> None:
    file.chmod(mode)
    edit(file, {"model": "espeak"})
    assert stat.S_IMODE(file.stat().st_mode) == mode


def test_a_link_stays_one(file: Path) -> None:
    Path("link.toml").symlink_to(file)
    edit("link.toml", {"model": "espeak"})
    assert Path("link.toml").is_symlink()
    assert load_config(file, {}).config.model == "espeak"


def test_a_link_to_nothing_gets_its_file() -> None:
    Path("link.toml").symlink_to("later.toml")
    edit("link.toml", {"model": "espeak"})
    assert Path("link.toml").is_symlink()
    assert Path("later.toml").read_text() == 'model = "espeak"\n'


def test_readers_never_see_half_a_file(file: Path) -> None:
    seen: set[bytes] = set()
    over = threading.Event()

    def read() -> None:
        while not over.is_set():
            seen.add(file.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(20):
        edit(file, {"model": f"m{number % 2}"})
    over.set()
    reader.join()
    whole = {REPOSITORY} | {REPOSITORY.replace(b'model = "auto"', b'model = "m%d"' % n, 1) for n in range(2)}
    assert seen <= whole


def test_a_write_that_fails_leaves_the_old_file_and_no_other(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ConfigError, match=r"cannot write config file .*: No space left on device"):
        edit(file, {"model": "espeak"})
    assert file.read_bytes() == REPOSITORY
    assert list(file.parent.iterdir()) == [file]


def writing_meanwhile(monkeypatch: pytest.MonkeyPatch, write: Callable[[], object]) -> None:
    """Let another program write while an edit is checked."""

    def parse_slowly(*arguments: Any) -> Config:
        write()
        return parse_config(*arguments)

    monkeypatch.setattr("tts_hub.config_file.editing.parse_config", parse_slowly)


def test_changes_that_another_program_writes_meanwhile_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    file = Path("my.toml")
    writing_meanwhile(monkeypatch, lambda: file.write_text('fallback = ["espeak"] # theirs\n'))
    edit(file, {"model": "espeak"})
    assert file.read_text() == 'fallback = ["espeak"] # theirs\nmodel = "espeak"\n'


def test_an_edit_gives_up_on_a_file_that_changes_all_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    file = Path("my.toml")
    numbers = iter(range(1000))
    writing_meanwhile(monkeypatch, lambda: file.write_text(f"# {next(numbers)}\n"))
    with pytest.raises(ConfigError, match="being changed by another program"):
        edit(file, {"model": "espeak"})
    assert file.read_text().startswith("# ")
    assert list(file.parent.iterdir()) == [file]


# --- which file -------------------------------------------------------------------------------------------


def test_the_file_that_is_read_is_edited_else_the_users_own() -> None:
    assert file_to_edit(environ={}) == user_config_file()
    Path("config.toml").write_text("title = 'of another program'\n")
    assert file_to_edit(environ={}) == user_config_file()
    Path("config.toml").write_text("[audio]\nsample_rate = 'wrong'\n")
    assert file_to_edit(environ={}) == Path("config.toml")
    assert file_to_edit(environ={"TTS_HUB_CONFIG": "other.toml"}) == Path("other.toml")
    assert file_to_edit("named.toml", {"TTS_HUB_CONFIG": "other.toml"}) == Path("named.toml")


def test_a_typed_value_comes_back_from_the_file(file: Path) -> None:
    found = {each.key: each for each in EDITABLE}
    typed = {"audio.loudness": "-23", "server.allowed_hosts": "a.org, b.org", "backends.kokoro.threads": "2"}
    edit(file, {key: parse_value(found[key], text) for key, text in typed.items()})
    loaded = load_config(file, {})
    assert loaded.config.audio.loudness == -23
    assert loaded.config.server.allowed_hosts == ("a.org", "b.org")
    assert loaded.config.backends["kokoro"]["threads"] == 2
