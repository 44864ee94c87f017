"""Files of API keys, as people and their editors write them."""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

import pytest

from tests.server.test_shutdown import TTS_HUB, running
from tts_hub.config import Config, ServerConfig
from tts_hub.errors import ConfigError
from tts_hub.server import create_app
from tts_hub.server.keys import digest_of, keys_in

DIGEST = "sha256:" + hashlib.sha256(b"one").hexdigest()


@pytest.mark.parametrize(
    ("content", "keys"),
    [
        (b"one\ntwo\n", ("one", "two")),
        (b"one", ("one",)),
        (b"# of the office\none\n\n   # of the lab\n  two  \n", ("one", "two")),
        (b"\xef\xbb\xbfone\r\ntwo\r\n", ("one", "two")),
        (b"\xef\xbb\xbf# comment\r\none\r\n", ("one",)),
        (b"\r\n\r\none\r\n", ("one",)),
        (b"one#two\n", ("one#two",)),
        (f"{DIGEST}\n".encode(), (DIGEST,)),
        ("schlüssel\n".encode(), ("schlüssel",)),
    ],
)
def test_keys_are_read_line_by_line(tmp_path: Path, content: bytes, keys: tuple[str, ...]) -> None:
    file = tmp_path / "keys.txt"
    file.write_bytes(content)
    assert keys_in(file) == keys


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"one\nmy key\n", "line 2 of"),
        (b"one two # of the office\n", "line 1 of"),
        (b"one\ttwo\n", "line 1 of"),
        (b"one\x00\n", "line 1 of"),
        ("one\u2028two\n".encode(), "line 1 of"),
        ("one\u200b\n".encode(), "line 1 of"),
        (b"# nothing\n\n", "there is no API key in"),
        (b"", "there is no API key in"),
        ("key".encode("utf-16"), "not UTF-8"),
    ],
)
def test_an_invalid_key_is_an_error_that_does_not_show_it(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "keys.txt"
    file.write_bytes(content)
    with pytest.raises(ConfigError, match=said) as caught:
        keys_in(file)
    assert "my key" not in str(caught.value)
    assert "one" not in str(caught.value).replace("one key a line", "")


@pytest.mark.parametrize(
    ("line", "key"),
    [
        ("one # of the office", "one"),
        ("one\t#office", "one"),
        ("o#ne", "o#ne"),
        ("one#", "one#"),
        ("one # a # b", "one"),
    ],
)
def test_a_comment_may_stand_behind_a_key(tmp_path: Path, line: str, key: str) -> None:
    file = tmp_path / "keys.txt"
    file.write_text(f"  # mine\n{line}\n")
    assert keys_in(file) == (key,)


@pytest.mark.parametrize("key", ["my key", "a\tb", "a\nb", "a\u00a0b"])
def test_a_key_with_a_space_is_refused_wherever_it_stands(key: str) -> None:
    with pytest.raises(ConfigError, match=r"server\.api_keys has a key with a space"):
        create_app(Config(server=ServerConfig(api_keys=(key,))))


def test_white_space_around_a_key_does_not_count() -> None:
    assert digest_of(" one \n") == digest_of("one") == digest_of(f" {DIGEST} ")


@pytest.mark.parametrize(("mode", "warned"), [(0o600, False), (0o640, False), (0o644, True), (0o602, True)])
def test_a_key_file_that_all_users_can_read_gives_a_warning(tmp_path: Path, mode: int, warned: bool) -> None:
    file = tmp_path / "my keys.txt"
    file.write_text("one\n")
    file.chmod(mode)
    with running("--api-key-file", str(file)) as server:
        assert ("Warning: other users" in server.greeting) == warned
        assert (f"chmod o= '{file}'" in server.greeting) == warned


def test_a_line_that_is_no_key_stops_the_start_in_one_line(tmp_path: Path) -> None:
    file = tmp_path / "keys.txt"
    file.write_text("my key\n")
    command = [*TTS_HUB, "serve", "--port", "0", "--api-key-file", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "begin a comment with #" in done.stderr
